import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import { parseDuration } from '../../src/engine/core/units.ts';
import type { Evidence } from './evidence.ts';

// Runs the tests of this folder and writes what they have shown into docs/reliability.md. RINGFENCE_SOAK=20m repeats
// them for so long, with more rounds in each.

const PAGE = join(PACKAGE_ROOT, 'docs/reliability.md');
const BEGIN = '<!-- table: written by test/reliability/report.ts -->\n';
const END = '<!-- end of table -->\n';
const LONG = {
  RINGFENCE_RELOADS: '1000',
  RINGFENCE_CRASH_ROUNDS: '100',
  RINGFENCE_FUZZ_RUNS: '20000',
};

const folder = mkdtempSync(join(tmpdir(), 'rf-report-'));
const file = join(folder, 'evidence.jsonl');
const soakMs = process.env.RINGFENCE_SOAK ? (parseDuration(process.env.RINGFENCE_SOAK) ?? 0) : 0;
const here = join(PACKAGE_ROOT, 'dist/test/reliability');
const tests = readdirSync(here)
  .filter((name) => name.endsWith('.test.js'))
  .sort()
  .map((name) => join(here, name));

const start = performance.now();
let passes = 0;
let failed = false;
do {
  const env = { ...process.env, ...(soakMs > 0 ? LONG : {}), RINGFENCE_EVIDENCE: file };
  const run = spawnSync(
    process.execPath,
    ['--test', '--test-concurrency=1', '--test-reporter=spec', ...tests],
    {
      env,
      stdio: ['ignore', 'inherit', 'inherit'],
    },
  );
  failed ||= run.status !== 0;
  passes++;
} while (!failed && performance.now() - start < soakMs);

const rows = existsSync(file)
  ? readFileSync(file, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Evidence)
  : [];
rmSync(folder, { recursive: true });
if (failed) {
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
  `${passes} pass${passes === 1 ? '' : 'es'} in ${minutes} min on Linux ${release()}, ${cpus().length} processors, all tests passed.`,
  '',
].join('\n');
const page = readFileSync(PAGE, 'utf8');
const [head = '', rest = ''] = page.split(BEGIN);
writeFileSync(PAGE, `${head}${BEGIN}\n${table}\n${END}${rest.split(END)[1] ?? ''}`);
