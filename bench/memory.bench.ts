/**
 * Memory of an engine under load for an hour: node dist/bench/memory.bench.js [MINUTES] (as root, needs a C compiler).
 *
 * All own rules and those of RINGFENCE_BENCH_RULES in one engine, the audit on; opens, execs, connects, a build and reads
 * that raise alerts, again and again with pauses. The result is written to docs/performance.md.
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { counters, lostOf, Monitor, ringfenceCommand } from './monitor.ts';
import { machine, median, writeSection } from './report.ts';
import { buildWorkload, compileProject, type Workload, workload } from './workloads.ts';

const MINUTE_MS = 60_000;
/** Of the time, for what else runs on the machine. */
const PAUSE_MS = 3_000;
const SHOWN_ROWS = 8;

const EXECS = 500;
const EXEC = workload('exec', 'exec', String(EXECS));
const LOAD: readonly Workload[] = [
  workload('open', 'open', '/etc/hostname', '100000'),
  workload('connect', 'connect', '20000'),
  { name: 'build', run: compileProject },
  { name: 'alert', run: () => execFileSync('cat', ['/etc/shadow'], { stdio: 'ignore' }) },
];

interface Row {
  readonly minute: number;
  readonly rounds: number;
  readonly rss: number;
  /** The engine's CPU in the exec loops of that minute. */
  readonly execMicros: number;
}

async function measure(folder: string, monitor: Monitor, minutes: number): Promise<Row[]> {
  const rows: Row[] = [];
  const begun = performance.now();
  let cpu: number[] = [];
  for (let rounds = 1; rows.length < minutes; rounds++) {
    for (const one of LOAD) one.run(folder);
    await sleep(PAUSE_MS);
    const before = monitor.cpuSeconds();
    EXEC.run(folder);
    cpu.push(monitor.cpuSeconds() - before);
    const minute = Math.floor((performance.now() - begun) / MINUTE_MS);
    if (minute <= (rows.at(-1)?.minute ?? 0)) continue;
    const execMicros = (1e6 * cpu.reduce((sum, seconds) => sum + seconds, 0)) / (cpu.length * EXECS);
    rows.push({ minute, rounds, rss: monitor.rssMiB(), execMicros });
    cpu = [];
    console.error(
      `minute ${minute}: ${rows.at(-1)?.rss.toFixed(1)} MiB, ${execMicros.toFixed(0)} µs an exec, after ${rounds} rounds`,
    );
  }
  return rows;
}

function report(rows: readonly Row[], seen: Readonly<Record<string, number>>): string {
  const quarters = (of: (row: Row) => number): string =>
    [0, 1, 2, 3]
      .map((n) => rows.slice((rows.length * n) >> 2, (rows.length * (n + 1)) >> 2))
      .map((part) => median(part.map(of)).toFixed(0))
      .join(', ');
  const step = Math.max(1, Math.round(rows.length / SHOWN_ROWS));
  return [
    `${machine()}, all own rules and the given ones, audit on, ${rows.at(-1)?.rounds} rounds of load; ` +
      `${(seen.emitted ?? 0) + (seen.filtered ?? 0)} calls looked at, ${seen.emitted} events, ${lostOf(seen)} lost.`,
    '',
    '| minute | RSS | engine CPU for one fork + exec + wait |',
    '|---|---|---|',
    ...rows
      .filter(({ minute }, i) => i === 0 || minute % step === 0 || i === rows.length - 1)
      .map(
        ({ minute, rss, execMicros }) =>
          `| ${minute} | ${rss.toFixed(1)} MiB | ${execMicros.toFixed(0)} µs |`,
      ),
    '',
    `Medians of the quarters: ${quarters(({ rss }) => rss)} MiB, ${quarters(({ execMicros }) => execMicros)} µs.`,
  ].join('\n');
}

if (process.getuid?.() !== 0) throw new Error('the bench needs root: it loads BPF programs');
const folder = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));
const given = (process.env.RINGFENCE_BENCH_RULES ?? '').split(' ').filter(Boolean);
try {
  buildWorkload(folder);
  const rules = ['-r', join(PACKAGE_ROOT, 'rules'), ...given];
  const monitor = await Monitor.start({
    name: 'all rules',
    ...ringfenceCommand(folder, '--set', `outputs.audit.path=${folder}/audit`, ...rules),
  });
  try {
    const rows = await measure(folder, monitor, Number(process.argv[2] ?? 60));
    const text = report(rows, counters(folder));
    writeSection('memory', text);
    console.log(text);
  } finally {
    await monitor.stop();
  }
} finally {
  rmSync(folder, { recursive: true });
}
