import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import type { Part } from './parts.ts';
import { runParts } from './run.ts';
import { rowsOf, withTable } from './table.ts';

const folder = mkdtempSync(join(tmpdir(), 'rf-long-'));
after(() => rmSync(folder, { recursive: true }));

const part = (name: string, script: string, minutes = 1): Part => ({
  name,
  what: 'a part',
  command: ['/bin/sh', '-c', script],
  env: { WORD: 'from the part' },
  minutes,
});

test('each part runs, whatever became of the one before; what a failed part has shown does not count', async () => {
  const said: string[] = [];
  const write = `echo '{"fault":"f","expected":"e","result":"r"}' >>"$RINGFENCE_EVIDENCE"`;
  const parts = [
    part('fails', `${write}; echo "why: $WORD"; exit 3`),
    part('no-such-command', ''),
    part('takes-too-long', `${write}; sleep 60 & wait`, 1 / 600),
    part('good', write),
  ];
  const results = await runParts(
    parts.map((it) => (it.name === 'no-such-command' ? { ...it, command: ['/no/such/command'] } : it)),
    folder,
    (line) => said.push(line),
  );
  assert.deepEqual(
    results.map(({ name, ok }) => [name, ok]),
    [
      ['fails', false],
      ['no-such-command', false],
      ['takes-too-long', false],
      ['good', true],
    ],
  );
  assert.ok(said.some((line) => line.includes('why: from the part')));
  assert.match(readFileSync(join(folder, 'takes-too-long.log'), 'utf8'), /not done after/);
  assert.deepEqual(
    parts.filter(({ name }) => existsSync(join(folder, `${name}.jsonl`))).map(({ name }) => name),
    ['good'],
  );
});

test('the table of the page is replaced, with the last row of each fault, and nothing else', () => {
  const page = readFileSync(join(PACKAGE_ROOT, 'docs/reliability.md'), 'utf8');
  const row = (fault: string, result: string) => JSON.stringify({ fault, expected: 'a|b', result });
  const rows = rowsOf(`${row('first', 'old')}\n${row('second', 'x')}\n${row('first', 'new')}\n`);
  const written = withTable(page, rows, 'somewhere');
  assert.match(written, /\| first \| a\\\|b \| new \|\n\| second \| a\\\|b \| x \|\n\nRun somewhere;/);
  assert.ok(!written.includes('| old |'));
  assert.equal(withTable(written, rows, 'somewhere'), written);
  assert.equal(written.split('## Defined behaviour')[1], page.split('## Defined behaviour')[1]);
  assert.throws(() => withTable('no table', rows, ''), /no place/);
});
