import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder } from './folder.ts';

test('makeFolder() makes what is missing, is content with what is there, and says what cannot be', () => {
  const base = mkdtempSync(join(tmpdir(), 'rf-folder-'));
  try {
    makeFolder(join(base, 'a/b/c'));
    makeFolder(join(base, 'a/b/c'));
    assert.equal(statSync(join(base, 'a/b/c')).mode & 0o777, 0o700);
    writeFileSync(join(base, 'file'), '');
    assert.throws(() => makeFolder(join(base, 'file')), { code: 'EEXIST' });
    assert.throws(() => makeFolder(join(base, 'file/x')), { code: 'ENOTDIR' });
    assert.throws(() => makeFolder('/proc/ringfence/x'), { code: 'ENOENT' });
  } finally {
    rmSync(base, { recursive: true });
  }
});
