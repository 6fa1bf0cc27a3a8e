import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RF_GUARD_KIND } from '../../sensors/record/layout.gen.ts';
import { foldersAbove, mountsBelow } from './guard-mounts.ts';

const { MOUNT, GROUP } = RF_GUARD_KIND;
const OWN = `21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 8:2 / /no-such rw shared:2 - ext4 /dev/sda2 rw
23 22 8:3 / /no-such/rf rw - ext4 /dev/sda3 rw
24 23 0:9 / /no-such/rf rw master:7 - tmpfs x rw
25 21 0:8 / /no-such-either rw shared:9 - tmpfs x rw
26 21 0:8 / /no-such/rf/with\\040blank rw shared:4 master:2 - tmpfs x rw
`;

test('mounts on the way to a path, the upmost of each place, with the groups they share', () => {
  const of = (...paths: string[]) => mountsBelow(paths, (pid) => (pid === '1' ? '' : OWN));
  assert.deepEqual(of('/no-such/rf/state'), [
    [MOUNT, 24],
    [MOUNT, 22],
    [GROUP, 2],
    [MOUNT, 21],
    [GROUP, 1],
  ]);
  assert.deepEqual(of('/no-such-thing'), [
    [MOUNT, 21],
    [GROUP, 1],
  ]);
  assert.deepEqual(of('/no-such/rf/with blank/x')[0], [MOUNT, 26]);
  assert.deepEqual(of(), []);
});

test('also those of process 1, which sees others', () => {
  const seen = mountsBelow(
    ['/x'],
    (pid) => `${pid === '1' ? 50 : 60} 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw\n`,
  );
  assert.deepEqual(seen, [
    [MOUNT, 60],
    [GROUP, 1],
    [MOUNT, 50],
  ]);
});

test('folders above are all but the root, each once', () => {
  assert.deepEqual([...foldersAbove(['/no-such/a/b', '/no-such/a/c', '/top'])], ['/no-such/a', '/no-such']);
});
