import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import { longParts } from './parts.ts';
import { runParts } from './run.ts';
import { rowsOf, withTable } from './table.ts';

// The long mode: node dist/test/long/cli.js [--list] [--only PART,PART]. Each part is run, and reported; the exit code is
// 1 if one failed. When all parts have passed, in this run or an earlier one, docs/reliability.md gets what they have shown.

const PAGE = join(PACKAGE_ROOT, 'docs/reliability.md');
const FOLDER = join(PACKAGE_ROOT, '.cache/long');

const { values } = parseArgs({
  options: { list: { type: 'boolean', default: false }, only: { type: 'string' } },
});
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const all = longParts();
const names = values.only?.split(',') ?? all.map(({ name }) => name);
const unknown = names.filter((name) => !all.some((part) => part.name === name));
if (unknown.length > 0) {
  console.error(`no part ${unknown.join(', ')}; --list names all`);
  process.exit(2);
}
const parts = all.filter(({ name }) => names.includes(name));
if (values.list) {
  for (const { name, what, minutes } of parts) say(`${name.padEnd(18)} ${what} (at most ${minutes} min)`);
  process.exit(0);
}

const results = await runParts(parts, FOLDER, say);
const failed = results.filter(({ ok }) => !ok).map(({ name }) => name);
say(`${results.length - failed.length} of ${results.length} parts are well`);
const files = all.map(({ name }) => ({ name, file: join(FOLDER, `${name}.jsonl`) }));
const open = files.filter(({ file }) => !existsSync(file)).map(({ name }) => name);
if (open.length > 0) {
  say(`docs/reliability.md stays as it is until these have passed: ${open.join(', ')}`);
} else {
  const rows = files.flatMap(({ file }) => rowsOf(readFileSync(file, 'utf8')));
  const where = `on Linux ${release()}, ${cpus().length} processors`;
  writeFileSync(PAGE, withTable(readFileSync(PAGE, 'utf8'), rows, where));
  say('docs/reliability.md is written');
}
if (failed.length > 0) {
  say(`failed: ${failed.join(', ')}`);
  process.exitCode = 1;
}
