import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { cpioArchive } from './cpio.ts';

const busybox = spawnSync('busybox', ['true']).status === 0;

test('an archive unpacks to the same folders, links, modes and bytes', {
  skip: busybox ? false : 'needs busybox',
}, () => {
  const archive = cpioArchive([
    { path: 'a', type: 'folder' },
    { path: 'a/odd', data: Buffer.from([1, 2, 3, 4, 5]), mode: 0o640 },
    { path: 'a/link', type: 'link', data: 'odd', mode: 0o777 },
    { path: 'a/empty' },
  ]);
  const script =
    'cd "$(mktemp -d)" && busybox cpio -id 2>/dev/null && stat -c "%n %a %s %F" a a/* && readlink a/link && xxd -p a/odd; rm -rf "$PWD"';
  const { stdout } = spawnSync('sh', ['-c', script], { input: archive, encoding: 'utf8' });
  assert.deepEqual(stdout.trim().split('\n').slice(1), [
    'a/empty 755 0 regular empty file',
    'a/link 777 3 symbolic link',
    'a/odd 640 5 regular file',
    'odd',
    '0102030405',
  ]);
});
