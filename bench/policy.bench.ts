/**
 * What rules and deny lists cost where nothing is refused, and how fast they change: node dist/bench/policy.bench.js
 * (as root, needs a C compiler and cgroup2). Part of npm run bench. Writes its section of docs/performance.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { POLICY_BYTES } from '../src/enforce/tables/encode.ts';
import { buildActor } from './actor.ts';
import { type EngineFigures, engineFigures } from './policy-engine.ts';
import { type JudgeCost, judgeCosts } from './policy-judge.ts';
import { type OpenCost, openCosts } from './policy-open.ts';
import { type WallCost, wallCosts } from './policy-wall.ts';
import { machine, writeSection } from './report.ts';

const ns = (value: number): string => `${value.toFixed(0)} ns`;
const ms = (value: number): string => `${value.toFixed(1)} ms`;

interface Figures {
  readonly wall: readonly WallCost[];
  readonly opens: readonly OpenCost[];
  readonly judge: readonly JudgeCost[];
  readonly engine: EngineFigures;
}

function text({ wall, opens, judge, engine }: Figures): string {
  return [
    `${machine()}.`,
    '',
    '| connect to an address beside the listed ones | without | added by the wall | ratio | of it the program |',
    '|---|---|---|---|---|',
    ...wall.map(
      (w) => `| ${w.name} | ${ns(w.alone)} | ${ns(w.added)} | ${w.ratio.toFixed(2)} × | ${ns(w.program)} |`,
    ),
    '',
    '| check of an open that is not refused | file that no rule is about | beside a named file | of the same name elsewhere | in a folder of the same name |',
    '|---|---|---|---|---|',
    ...opens.map((o) => `| ${[o.name, ...o.ns.map(ns)].join(' | ')} |`),
    '',
    '| judgement of a path beside the named files | |',
    '|---|---|',
    ...judge.map((j) => `| ${j.name} | ${ns(j.program)} |`),
    '',
    '| change | |',
    '|---|---|',
    `| 1,000 rules (${engine.swapRules}) compiled, filled in and switched to | ${ms(engine.swapMs)} |`,
    `| deny entry: request to the first refusal, median (worst) | ${ms(engine.pushMs)} (${ms(engine.pushWorstMs)}) |`,
    `| feed of 100,000 addresses imported | ${ms(engine.importMs)} |`,
    `| kernel memory of one more rule that denies a file | ${engine.fileRuleBytes.toFixed(0)} bytes |`,
    `| … of one that denies an address | ${engine.addressRuleBytes.toFixed(0)} bytes |`,
    `| … of one more deny entry | ${engine.entryBytes.toFixed(0)} bytes |`,
    `| … of the map that all rules share, whatever their number | ${(POLICY_BYTES / 2 ** 20).toFixed(1)} MiB |`,
  ].join('\n');
}

if (process.getuid?.() !== 0) throw new Error('the bench needs root: it loads BPF programs');
const folder = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));
try {
  const program = buildActor(folder);
  const wall = await wallCosts(program, { entries: [1, 100, 10_000], rules: [1, 100, 10_000] });
  const opens = await openCosts([1, 100, 10_000]);
  const judge = await judgeCosts([1, 100, 10_000], [1, 100, 10_000]);
  const report = text({ wall, opens, judge, engine: await engineFigures(program, folder) });
  writeSection('policy', report);
  console.log(report);
} finally {
  rmSync(folder, { recursive: true });
}
