import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidates } from './complete.ts';

test('commands first, then sub-commands, options and names', async () => {
  assert.ok((await candidates([])).includes('run'));
  assert.ok(!(await candidates([])).includes('__complete'));
  assert.ok((await candidates(['run'])).includes('--demo'));
  assert.deepEqual((await candidates(['config'])).slice(0, 3), ['print', 'default', 'schema']);
  assert.ok((await candidates(['config', 'print'])).includes('--origin'));
  assert.ok((await candidates(['explain'])).includes('proc.aname'));
});
