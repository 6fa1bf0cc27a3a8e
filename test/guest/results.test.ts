import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readReport } from './results.ts';

test('a report names nested tests in full, keeps skip reasons and errors, and knows its end', () => {
  const lines = [
    { type: 'start', name: 'outer', nesting: 0 },
    { type: 'start', name: 'inner', nesting: 1 },
    { type: 'fail', name: 'inner', nesting: 1, ms: 1, error: 'boom' },
    { type: 'fail', name: 'outer', nesting: 0, ms: 2, error: '1 subtest failed' },
    { type: 'output', text: 'hello\n' },
    { type: 'start', name: 'later', nesting: 0 },
    { type: 'pass', name: 'later', nesting: 0, ms: 0, skip: 'needs a moon' },
  ].map((event) => JSON.stringify(event));
  const cut = readReport(`${lines.join('\n')}\nnot json\n`);
  assert.deepEqual(cut.tests, [
    { name: 'outer › inner', error: 'boom' },
    { name: 'outer', error: '1 subtest failed' },
    { name: 'later', skip: 'needs a moon' },
  ]);
  assert.equal(cut.output, 'hello\nnot json\n');
  assert.equal(cut.complete, false);
  assert.equal(readReport(`${lines.join('\n')}\n{"type":"end"}\n`).complete, true);
});
