import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import type { Evidence } from './evidence.ts';

// Runs the tests of this folder and writes what they have shown into docs/reliability.md. RINGFENCE_SOAK=20m: the long
// mode, with faults for so long and more rounds of everything. With files as arguments nothing is run: the table is
// made of the evidence in them (RINGFENCE_EVIDENCE of runs by hand, in pieces).

const PAGE = join(PACKAGE_ROOT, 'docs/reliability.md');
const BEGIN = '<!-- table: written by test/reliability/report.ts -->\n';
const END = '<!-- end of table -->\n';
const LONG = {
  RINGFENCE_RELOADS: '1000',
  RINGFENCE_CRASH_ROUNDS: '100',
  RINGFENCE_FUZZ_RUNS: '20000',
  RINGFENCE_CGROUPS: '1000',
  RINGFENCE_FLOOD_MS: '2000',
  RINGFENCE_BOMB_MS: '10000',
  RINGFENCE_SHORT_LIVED: '100000',
};

const read = (file: string): Evidence[] =>
  existsSync(file)
    ? readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line) as Evidence)
    : [];

/** Runs everything; undefined if a test failed. */
function runAll(): Evidence[] | undefined {
  const folder = mkdtempSync(join(tmpdir(), 'rf-report-'));
  const file = join(folder, 'evidence.jsonl');
  const here = join(PACKAGE_ROOT, 'dist/test/reliability');
  const tests = readdirSync(here)
    .filter((name) => name.endsWith('.test.js'))
    .sort()
    .map((name) => join(here, name));
  const env = { ...process.env, ...(process.env.RINGFENCE_SOAK ? LONG : {}), RINGFENCE_EVIDENCE: file };
  const run = spawnSync(
    process.execPath,
    ['--test', '--test-concurrency=1', '--test-reporter=spec', ...tests],
    { env, stdio: ['ignore', 'inherit', 'inherit'] },
  );
  const rows = read(file);
  rmSync(folder, { recursive: true });
  return run.status === 0 ? rows : undefined;
}

const start = performance.now();
const pieces = process.argv.slice(2);
const rows = pieces.length > 0 ? pieces.flatMap(read) : runAll();
if (rows === undefined) {
  console.error('a test failed: docs/reliability.md stays as it is');
  process.exit(1);
}
const minutes = Math.max(1, Math.round((performance.now() - start) / 60_000));
const latest = new Map(rows.map((row) => [row.fault, row]));
const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');
const table = [
  '| fault | expected | result |',
  '|---|---|---|',
  ...[...latest.values()].map(
    ({ fault, expected, result }) => `| ${cell(fault)} | ${cell(expected)} | ${cell(result)} |`,
  ),
  '',
  `${pieces.length > 0 ? 'Run in pieces' : `Run in ${minutes} min`} on Linux ${release()}, ${cpus().length} processors; each row comes from a test that passed.`,
  '',
].join('\n');
const page = readFileSync(PAGE, 'utf8');
const [head = '', rest = ''] = page.split(BEGIN);
writeFileSync(PAGE, `${head}${BEGIN}\n${table}\n${END}${rest.split(END)[1] ?? ''}`);
