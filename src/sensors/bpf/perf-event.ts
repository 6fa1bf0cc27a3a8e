import { AppError } from '../../engine/core/diagnostic.ts';
import { errnoName, lastErrno, native } from './libbpf.ts';

const SYS_PERF_EVENT_OPEN = process.arch === 'arm64' ? 241 : 298;
const PERF_TYPE_TRACEPOINT = 2;
const ATTR_SIZE = 64;
const FLAG_CLOEXEC = 8;

/** A perf event on a tracepoint. A BPF program attached to it runs on every CPU, whatever the event's own is. */
export function openTracepoint(id: number): number {
  const attr = Buffer.alloc(ATTR_SIZE);
  attr.writeUInt32LE(PERF_TYPE_TRACEPOINT, 0);
  attr.writeUInt32LE(ATTR_SIZE, 4);
  attr.writeBigUInt64LE(BigInt(id), 8);
  const fd = native().syscall(SYS_PERF_EVENT_OPEN, attr, -1n, 0, -1n, FLAG_CLOEXEC);
  if (fd < 0) {
    throw new AppError('sensor/tracepoint', `cannot open a tracepoint: ${errnoName(lastErrno())}`, {
      help: 'CAP_PERFMON is needed, or root; kernel.perf_event_paranoid may forbid it',
    });
  }
  return Number(fd);
}
