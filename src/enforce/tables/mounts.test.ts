import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMounts } from './mounts.ts';

test('a mount has its place as it is written elsewhere, its device and its group', () => {
  const text = '36 35 98:0 /mnt1 /mnt/with\\040blank rw,noatime shared:7 - ext3 /dev/root rw\n';
  assert.deepEqual(parseMounts(text), [
    { id: 36, where: '/mnt/with blank', type: 'ext3', dev: (98 << 20) | 0, group: 7 },
  ]);
  assert.equal(parseMounts('1 0 0:5 / / rw - tmpfs none rw\n')[0]?.group, undefined);
});
