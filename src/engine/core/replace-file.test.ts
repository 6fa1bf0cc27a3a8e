import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { replaceFile } from './replace-file.ts';

const folder = mkdtempSync(join(tmpdir(), 'rf-replace-'));
const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'ringfence-test', folder]).status === 0;
process.once('exit', () => {
  if (mounted) spawnSync('umount', ['--lazy', folder]);
  rmSync(folder, { recursive: true, force: true });
});

test('on a disk that is too full for the new text the old one stays', {
  skip: mounted ? false : 'needs root',
}, () => {
  const file = join(folder, 'deny.json');
  replaceFile(file, 'old');
  assert.throws(() => replaceFile(file, 'x'.repeat(14_000)), { code: 'ENOSPC' });
  assert.equal(readFileSync(file, 'utf8'), 'old');
  assert.deepEqual(readdirSync(folder), ['deny.json']);
  replaceFile(file, 'new', 0o640);
  assert.equal(readFileSync(file, 'utf8'), 'new');
  assert.equal(statSync(file).mode & 0o777, 0o640);
});

test('what stands where the new file is made is not followed', {
  skip: mounted ? false : 'needs root',
}, () => {
  const other = join(folder, 'other');
  writeFileSync(other, 'kept');
  spawnSync('ln', ['-s', other, join(folder, 'deny.json.new')]);
  replaceFile(join(folder, 'deny.json'), 'newer');
  assert.equal(readFileSync(other, 'utf8'), 'kept');
});
