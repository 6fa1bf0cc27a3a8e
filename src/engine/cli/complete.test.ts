import assert from 'node:assert/strict';
import { test } from 'node:test';
import { candidates } from './complete.ts';

test('commands first, then sub-commands, options, values and names', async () => {
  assert.ok((await candidates([''])).includes('run'));
  assert.ok(!(await candidates([''])).includes('__complete'));
  assert.ok((await candidates(['help', ''])).includes('run'));
  assert.ok((await candidates(['run', '--'])).includes('--demo'));
  assert.deepEqual(await candidates(['run', '--mode', '']), ['monitor', 'enforce']);
  assert.deepEqual(await candidates(['events', '-o', '']), ['compact', 'json']);
  assert.deepEqual(await candidates(['deny', 'add', '--proto', '']), ['tcp', 'udp', 'icmp']);
  assert.deepEqual(await candidates(['audit', 'report', '--control', '']), ['pci', 'nist', 'cis']);
  assert.deepEqual(await candidates(['completion', '']), ['bash', 'zsh', 'fish']);
  assert.deepEqual(await candidates(['config', '']), ['print', 'default', 'schema']);
  assert.ok((await candidates(['config', 'print', '-'])).includes('--origin'));
  assert.ok((await candidates(['explain', ''])).includes('proc.aname'));
  assert.ok((await candidates(['rules', 'describe', ''])).includes('Password hashes read'));
});

test('where a file belongs there are no candidates', async () => {
  assert.deepEqual(await candidates(['validate', '']), []);
  assert.deepEqual(await candidates(['run', '-c', '']), []);
  assert.deepEqual(await candidates(['rules', 'fmt', 'x']), []);
});
