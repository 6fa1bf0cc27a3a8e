import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identifier, unidentifiable } from './identify.ts';
import { type Mount, parseMounts } from './mounts.ts';

const mounts = (type: string, where: string) => (): Mount[] =>
  parseMounts(`1 0 8:1 / / rw - ext4 none rw\n2 1 0:31 /@home ${where} rw shared:1 - ${type} none rw\n`);

test('on btrfs, where subvolumes number their files alike, nothing is known by number', () => {
  for (const [type, where, known] of [
    ['ext4', '/usr', true],
    ['btrfs', '/usr', false],
    ['btrfs', '/usr/none', true],
    ['btrfs', '/us', true],
  ] as const) {
    const read = mounts(type, where);
    assert.equal(identifier(read)('/usr/bin') !== undefined, known, `${type} on ${where}`);
    assert.deepEqual(
      unidentifiable(['/usr/bin', '/usr/bin', '/usr/none/x', '/etc'], read),
      known ? [] : ['/usr/bin'],
    );
  }
});
