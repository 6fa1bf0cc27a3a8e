/**
 * Ring, decoder and kernel side: node dist/bench/sensor.bench.js (as root, needs a C compiler).
 *   decode   records a second through ring and accessors, nothing else running
 *   open     an open/close loop under the sensor, as a ratio to the loop alone; alternating rounds, medians
 *   getppid  the same for a call that nobody looks at: the tax on everything else
 */
import { execFile, execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { CAPTURE_RET, type CaptureRow } from '../src/sensors/calls/capture.ts';
import { syscallNumber } from '../src/sensors/events/syscalls.ts';
import { buildRecord } from '../src/sensors/record/build-record.ts';
import { Decoder } from '../src/sensors/record/decode.ts';
import { RF_CAPTURE_FLAG, RF_OP } from '../src/sensors/record/layout.gen.ts';
import { Ring } from '../src/sensors/record/ring.ts';
import { KernelSensor, type SensorOptions } from '../src/sensors/sensor.ts';
import { median } from './report.ts';

const ROUNDS = 5;
const ROUND_MS = 400;
const run = promisify(execFile);

/** A ring full of one open record, read over and over. */
function decodeBench(): void {
  const size = 1 << 22;
  const record = buildRecord({
    kind: 'call',
    nr: 257,
    ret: 3,
    comm: 'cat',
    args: [0xffffff9c, 0x7ffe00001234, 0, 0, 0, 0],
    fdType: 1,
    fdPath: '/usr/lib/x86_64-linux-gnu/libc.so.6',
    path0: '/lib/x86_64-linux-gnu/libc.so.6',
  });
  const total = (record.length + 15) & ~7;
  const count = Math.floor(size / total);
  const data = new ArrayBuffer(2 * size);
  const bytes = Buffer.from(data);
  for (let i = 0; i < count; i++) {
    bytes.writeUInt32LE(record.length, i * total);
    record.copy(bytes, i * total + 8);
  }
  const producer = new ArrayBuffer(8);
  new BigUint64Array(producer)[0] = BigInt(count * total);
  const measure = (read: (rec: NonNullable<ReturnType<Decoder['at']>>) => number): number => {
    let sum = 0;
    const decoder = new Decoder();
    const start = process.hrtime.bigint();
    const passes = 40;
    for (let pass = 0; pass < passes; pass++) {
      const ring = new Ring({ size, consumer: new ArrayBuffer(8), producer, data });
      const head = ring.head();
      while (ring.next(head)) {
        const rec = decoder.at(ring.memory, ring.at, ring.length);
        if (rec !== undefined) sum += read(rec);
        ring.release();
      }
      ring.publish();
    }
    if (sum === 1) console.log(sum);
    return Number(process.hrtime.bigint() - start) / (passes * count);
  };
  const cases: [string, Parameters<typeof measure>[0]][] = [
    ['walk', (rec) => rec.nr],
    ['walk + pid, flags, comm', (rec) => rec.pid + rec.flags + rec.comm.length],
    ['walk + path', (rec) => (rec.kind === 1 ? (rec.fdPath?.length ?? 0) : 0)],
  ];
  for (const [name, read] of cases) {
    measure(read);
    const ns = median(Array.from({ length: 5 }, () => measure(read)));
    console.log(
      `decode  ${name.padEnd(28)} ${ns.toFixed(1)} ns/record  ${(1e3 / ns).toFixed(1)} M/s (${record.length} bytes)`,
    );
  }
}

interface Variant {
  readonly name: string;
  readonly options: Partial<SensorOptions> | undefined;
}

async function loopBench(loop: string, label: string, target: string, only: RegExp): Promise<void> {
  const always = RF_CAPTURE_FLAG.OK | RF_CAPTURE_FLAG.FAILED;
  const openat: CaptureRow = { path: [1], dirfd: [0], fd: CAPTURE_RET, flags: always, op: RF_OP.OPEN };
  const capture = new Map([[syscallNumber('openat')!, openat]]);
  const every = { capture, tracepoints: ['openat'] };
  const unrelated = { capture: new Map([[syscallNumber('connect')!, openat]]), tracepoints: ['connect'] };
  const all: Variant[] = [
    { name: 'no engine', options: undefined },
    { name: 'tracepoint, every open', options: { calls: 'tracepoint', ...every } },
    { name: 'tp_btf, every open', options: { calls: 'tp_btf', ...every } },
    { name: 'tracepoint, other call', options: { calls: 'tracepoint', ...unrelated } },
    { name: 'tp_btf, other call', options: { calls: 'tp_btf', ...unrelated } },
  ];
  const variants = all.filter(({ name }) => only.test(name));
  const results = variants.map(() => ({ ns: [] as number[], cpu: [] as number[], lost: 0, events: 0 }));
  for (let round = 0; round < ROUNDS; round++) {
    for (const [i, { options }] of variants.entries()) {
      const result = results[i]!;
      let received = 0;
      const sensor =
        options === undefined
          ? undefined
          : KernelSensor.open({
              capture,
              tracepoints: [],
              lifecycle: true,
              ignorePid: process.pid,
              ...options,
            });
      sensor?.start({
        record: (rec) => {
          received += rec.nr === 0 ? 0 : 1;
        },
        batchEnd: () => {},
        loss: () => {},
        failed: (error) => console.error(error),
      });
      const before = process.cpuUsage();
      const { stdout } = await run(loop, [String(ROUND_MS), target]);
      const cpu = process.cpuUsage(before);
      const [ns, count] = stdout.split(' ').map(Number) as [number, number];
      result.ns.push(ns);
      result.cpu.push(((cpu.user + cpu.system) * 1000) / count);
      result.events += received;
      const stats = sensor?.stats();
      result.lost += stats === undefined ? 0 : stats.lostRing + stats.lostSlot + stats.lostPriority;
      sensor?.close();
      await new Promise((done) => setTimeout(done, 20));
    }
  }
  const base = median(results[0]!.ns);
  for (const [i, { name }] of variants.entries()) {
    const { ns, cpu, lost, events } = results[i]!;
    console.log(
      `${label.padEnd(8)}${name.padEnd(28)} ${median(ns).toFixed(0)} ns/round  ratio ${(median(ns) / base).toFixed(2)}  reader ${median(cpu).toFixed(0)} ns/round  ${events} events, ${lost} lost`,
    );
  }
}

decodeBench();
if (process.getuid?.() === 0) {
  const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-bench-'));
  try {
    const source = path.join(import.meta.dirname.replace('/dist/', '/'), 'loop.c');
    execFileSync('cc', ['-O2', '-o', path.join(dir, 'loop'), source]);
    await loopBench(path.join(dir, 'loop'), 'open', '/etc/hostname', /./);
    await loopBench(path.join(dir, 'loop'), 'getppid', 'getppid', /engine|other/);
  } finally {
    fs.rmSync(dir, { recursive: true });
  }
} else console.log('open    needs root');
