/**
 * The whole engine beside real work: npm run bench (as root, needs a C compiler).
 *
 * Each workload runs without an engine, with Ringfence and its own rules, with the rules named by RINGFENCE_BENCH_RULES
 * (files separated by blanks), and with Falco where it is in PATH; in turn, several rounds. What counts is the ratio to
 * the run without an engine of the same round; the table shows medians. The result is written to docs/performance.md.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildShares } from './build-share.ts';
import { floods } from './flood.ts';
import { kernelCosts } from './kernel-cost.ts';
import { counters, lostOf, Monitor, ringfenceCommand, shareOf, type Variant } from './monitor.ts';
import { machine, median, writeSection } from './report.ts';
import { ruleCosts } from './rules-cost.ts';
import { buildWorkload, compileProject, type Workload, workload } from './workloads.ts';

const ROUNDS = Number(process.env.RINGFENCE_BENCH_ROUNDS ?? 5);

const GIVEN = (process.env.RINGFENCE_BENCH_RULES ?? '').split(' ').filter(Boolean);

const WORKLOADS: readonly Workload[] = [
  workload('open + close', 'open', '/etc/hostname', '400000'),
  // As Falco was measured: after a start, with code that V8 has not optimised; then of an engine that has run for a while.
  workload('fork + exec + wait, 2,000 times', 'exec', '2000'),
  {
    ...workload('fork + exec + wait, after 10,000 others', 'exec', '2000'),
    before: workload('', 'exec', '10000').run,
  },
  workload('connect', 'connect', '60000'),
  workload('getppid (no rule cares)', 'getppid', '3000000'),
  { name: 'C build', run: compileProject },
  {
    name: 'find /usr',
    run: () => execFileSync('find', ['/usr', '-name', 'no-such-name'], { stdio: 'ignore' }),
  },
];

interface Sample {
  readonly seconds: number;
  readonly cpuSeconds: number;
}

function variants(folder: string): Variant[] {
  const ringfence = (...args: string[]) => ringfenceCommand(folder, ...args);
  return [
    { name: 'no engine' },
    { name: 'Ringfence, own rules', ...ringfence() },
    ...(GIVEN.length > 0 ? [{ name: 'Ringfence, given rules', ...ringfence('-r', ...GIVEN) }] : []),
    ...(inPath('falco')
      ? [
          {
            name: 'Falco',
            command: ['falco', ...GIVEN.flatMap((rule) => ['-r', rule])],
            ready: /Opening '.*' source/,
          },
        ]
      : []),
  ];
}

function inPath(program: string): boolean {
  return (process.env.PATH ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

interface Result {
  readonly samples: Map<string, Sample[]>;
  readonly rss: number[];
  readonly starts: Sample[];
  lost: number;
  share: string;
}

async function measure(folder: string, list: readonly Variant[]): Promise<Map<string, Result>> {
  const results = new Map<string, Result>(
    list.map(({ name }) => [name, { samples: new Map(), rss: [], starts: [], lost: 0, share: '' }]),
  );
  for (const one of WORKLOADS) one.run(folder);
  for (let round = 0; round < ROUNDS; round++) {
    for (const variant of list) {
      const result = results.get(variant.name)!;
      const monitor = variant.command ? await Monitor.start(variant) : undefined;
      if (monitor) result.starts.push({ seconds: monitor.readySeconds, cpuSeconds: monitor.cpuSeconds() });
      for (const one of WORKLOADS) {
        one.before?.(folder);
        const before = monitor?.cpuSeconds() ?? 0;
        const started = performance.now();
        one.run(folder);
        const seconds = (performance.now() - started) / 1000;
        const cpuSeconds = (monitor?.cpuSeconds() ?? 0) - before;
        result.samples.set(one.name, [...(result.samples.get(one.name) ?? []), { seconds, cpuSeconds }]);
      }
      if (monitor && variant.name.startsWith('Ringfence')) {
        const counted = counters(folder);
        result.lost += lostOf(counted);
        result.share = shareOf(counted);
      }
      if (monitor) result.rss.push(monitor.rssMiB());
      await monitor?.stop();
      console.error(`round ${round + 1} of ${ROUNDS}: ${variant.name}`);
    }
  }
  return results;
}

function table(results: ReadonlyMap<string, Result>, shares: ReadonlyMap<string, string>): string {
  const base = results.get('no engine')!;
  const names = [...results.keys()].filter((name) => name !== 'no engine');
  const lines = [
    `| workload | no engine | ${names.map((name) => `${name} | its CPU`).join(' | ')} |`,
    `|---|---|${names.map(() => '---|---|').join('')}`,
  ];
  for (const { name } of WORKLOADS) {
    const alone = base.samples.get(name)!;
    const cells = names.flatMap((variant) => {
      const own = results.get(variant)!.samples.get(name)!;
      const ratio = median(own.map((sample, i) => sample.seconds / alone[i]!.seconds));
      return [`${ratio.toFixed(2)} ×`, `${median(own.map((sample) => sample.cpuSeconds)).toFixed(2)} s`];
    });
    lines.push(
      `| ${name} | ${median(alone.map((sample) => sample.seconds)).toFixed(2)} s | ${cells.join(' | ')} |`,
    );
  }
  const row = (title: string, cell: (result: Result) => string): string =>
    `| ${title} | – | ${names.map((name) => `${cell(results.get(name)!)} | `).join('| ')}|`;
  lines.push(row('memory (RSS)', (result) => `${median(result.rss).toFixed(0)} MiB`));
  const ofStart = (what: keyof Sample) => (result: Result) =>
    `${median(result.starts.map((start) => start[what])).toFixed(2)} s`;
  lines.push(row('start to ready', ofStart('seconds')));
  lines.push(row('CPU of the start, until it is quiet', ofStart('cpuSeconds')));
  lines.push(row('records lost', (result) => (result.share === '' ? '?' : String(result.lost))));
  lines.push(row('share of calls that reach user space', (result) => result.share || '?'));
  lines.push(
    `| share of the opens of the C build | – | ${names.map((name) => `${shares.get(name) ?? '?'} | `).join('| ')}|`,
  );
  return lines.join('\n');
}

if (process.getuid?.() !== 0) throw new Error('the bench needs root: it loads BPF programs');
const folder = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));
try {
  buildWorkload(folder);
  const list = variants(folder);
  const results = await measure(folder, list);
  const engines = list.filter(({ name }) => name.startsWith('Ringfence'));
  const shares = await buildShares(folder, engines, () => compileProject(folder));
  const text = [
    `${machine()}, ${ROUNDS} rounds.`,
    '',
    table(results, shares),
    '',
    await kernelCosts(folder),
    '',
    await floods(folder, GIVEN),
    '',
    ruleCosts(process.env.RINGFENCE_BENCH_RULES),
  ].join('\n');
  writeSection('measured', text);
  console.log(text);
} finally {
  rmSync(folder, { recursive: true });
}
