/**
 * What it costs to be called at all: node dist/bench/hooks.bench.js (as root, needs a C compiler).
 * getppid(2) in a loop, with programs that do nothing at the ways to see system calls, and with the sensor's own at a
 * call that the loop does not make. CPU time, medians of rounds in turn.
 */
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { kernelTypeId } from '../src/sensors/bpf/kernel-types.ts';
import { lastErrno, native, progOptions } from '../src/sensors/bpf/libbpf.ts';
import { openTracepoint } from '../src/sensors/bpf/perf-event.ts';
import { ATTACH, insn, PROG } from '../src/sensors/bpf/probe-program.ts';
import { openTracefs } from '../src/sensors/bpf/tracefs.ts';
import { CAPTURE_RET, type CaptureRow } from '../src/sensors/calls/capture.ts';
import { syscallNumber } from '../src/sensors/events/syscalls.ts';
import { RF_CAPTURE_FLAG, RF_OP } from '../src/sensors/record/layout.gen.ts';
import { KernelSensor, type SensorOptions } from '../src/sensors/sensor.ts';
import { median } from './report.ts';

const ROUNDS = 6;
const ROUND_MS = 300;
const run = promisify(execFile);

/** A program that returns at once; its descriptor. */
function empty(type: number, options: Parameters<typeof progOptions>[0] = {}): number {
  const code = Buffer.concat([insn(0xb7), insn(0x95)]); // r0 = 0; exit
  const fd = native().progLoad(type, 'rf_empty', 'GPL', code, 2, progOptions(options));
  if (fd < 0) throw new Error(`loading: errno ${lastErrno()}`);
  return fd;
}

type Attach = () => () => void;

const closing = (...fds: number[]): (() => void) => {
  if (fds.some((fd) => fd < 0)) throw new Error(`attaching: errno ${lastErrno()}`);
  return () => {
    for (const fd of fds.reverse()) native().close(fd);
  };
};

const tracepoint =
  (name: string): Attach =>
  () => {
    const tracefs = openTracefs();
    const id = tracefs?.id('syscalls', name);
    tracefs?.close();
    if (id === undefined) throw new Error(`no tracepoint ${name}`);
    const program = empty(PROG.tracepoint);
    const perf = openTracepoint(id);
    return closing(program, perf, native().linkCreate(program, perf, ATTACH.perfEvent, null));
  };

const rawTracepoint =
  (name: string): Attach =>
  () => {
    const program = empty(PROG.rawTracepoint);
    return closing(program, native().rawTracepointOpen(name, program));
  };

const typedTracepoint =
  (name: string): Attach =>
  () => {
    const program = empty(PROG.tracing, {
      expected_attach_type: ATTACH.traceRawTp,
      attach_btf_id: kernelTypeId(name, ATTACH.traceRawTp),
    });
    return closing(program, native().rawTracepointOpen(null, program));
  };

/** The sensor, with its programs at connect(2). */
const sensor =
  (options: Pick<SensorOptions, 'calls' | 'compatCalls'>): Attach =>
  () => {
    const row: CaptureRow = {
      path: [1],
      dirfd: [0],
      fd: CAPTURE_RET,
      flags: RF_CAPTURE_FLAG.OK | RF_CAPTURE_FLAG.FAILED,
      op: RF_OP.OPEN,
    };
    const capture = new Map([[syscallNumber('connect')!, row]]);
    const open = KernelSensor.open({ capture, tracepoints: ['connect'], lifecycle: true, ...options });
    open.start({ record() {}, batchEnd() {}, loss() {}, failed: console.error });
    return () => open.close();
  };

const VARIANTS: readonly (readonly [string, Attach])[] = [
  ['nothing', () => () => {}],
  ['empty: tracepoint of another call', tracepoint('sys_exit_connect')],
  ['empty: tracepoint of this call', tracepoint('sys_exit_getppid')],
  ['empty: raw_tp/sys_exit', rawTracepoint('sys_exit')],
  ['empty: tp_btf/sys_exit', typedTracepoint('sys_exit')],
  ['empty: raw_tp/sys_enter', rawTracepoint('sys_enter')],
  ['empty: tp_btf/sys_enter', typedTracepoint('sys_enter')],
  ['sensor, tracepoint of another call', sensor({ calls: 'tracepoint', compatCalls: false })],
  ['sensor, the same and 32-bit callers', sensor({ calls: 'tracepoint', compatCalls: true })],
  ['sensor, tp_btf', sensor({ calls: 'tp_btf' })],
];

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-bench-'));
try {
  const loop = path.join(dir, 'loop');
  execFileSync('cc', ['-O2', '-o', loop, path.join(import.meta.dirname.replace('/dist/', '/'), 'loop.c')]);
  const ns = VARIANTS.map((): number[] => []);
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, [, attach]] of VARIANTS.entries()) {
      const detach = attach();
      const { stdout } = await run(loop, [String(ROUND_MS), 'getppid']);
      detach();
      ns[i]!.push(Number(stdout.split(' ')[2]));
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  for (const [i, [name]] of VARIANTS.entries())
    console.log(`${name.padEnd(38)}${median(ns[i]!).toFixed(0).padStart(5)} ns a call`);
} finally {
  fs.rmSync(dir, { recursive: true });
}
