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

const LOAD: readonly Workload[] = [
  workload('open', 'open', '/etc/hostname', '100000'),
  workload('exec', 'exec', '500'),
  workload('connect', 'connect', '20000'),
  { name: 'build', run: compileProject },
  { name: 'alert', run: () => execFileSync('cat', ['/etc/shadow'], { stdio: 'ignore' }) },
];

interface Row {
  readonly minute: number;
  readonly rounds: number;
  readonly rss: number;
}

async function measure(folder: string, monitor: Monitor, minutes: number): Promise<Row[]> {
  const rows: Row[] = [];
  const begun = performance.now();
  for (let rounds = 1; rows.length < minutes; rounds++) {
    for (const one of LOAD) one.run(folder);
    await sleep(PAUSE_MS);
    const minute = Math.floor((performance.now() - begun) / MINUTE_MS);
    if (minute <= (rows.at(-1)?.minute ?? 0)) continue;
    rows.push({ minute, rounds, rss: monitor.rssMiB() });
    console.error(`minute ${minute}: ${rows.at(-1)?.rss.toFixed(1)} MiB after ${rounds} rounds`);
  }
  return rows;
}

function report(rows: readonly Row[], seen: Readonly<Record<string, number>>): string {
  const quarter = (n: number): string => {
    const part = rows.slice((rows.length * n) >> 2, (rows.length * (n + 1)) >> 2);
    return median(part.map(({ rss }) => rss)).toFixed(1);
  };
  const step = Math.max(1, Math.round(rows.length / SHOWN_ROWS));
  return [
    `${machine()}, all own rules and the given ones, audit on, ${rows.at(-1)?.rounds} rounds of load; ` +
      `${(seen.emitted ?? 0) + (seen.filtered ?? 0)} calls looked at, ${seen.emitted} events, ${lostOf(seen)} lost.`,
    '',
    '| minute | RSS |',
    '|---|---|',
    ...rows
      .filter(({ minute }, i) => i === 0 || minute % step === 0 || i === rows.length - 1)
      .map(({ minute, rss }) => `| ${minute} | ${rss.toFixed(1)} MiB |`),
    '',
    `Medians of the quarters: ${[0, 1, 2, 3].map(quarter).join(', ')} MiB.`,
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
