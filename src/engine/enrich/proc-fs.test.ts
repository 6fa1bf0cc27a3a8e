import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { readProcess } from './proc-fs.ts';

test('paths of a process begin at its own root, as the kernel tells those of later programs', () => {
  const proc = mkdtempSync(join(tmpdir(), 'rf-proc-'));
  const paths = (root: string | undefined, exe: string, cwd: string) => {
    const dir = join(proc, '7');
    mkdirSync(dir);
    writeFileSync(join(dir, 'stat'), `7 (prog) S 1 7 7 0${' 0'.repeat(17)}`);
    writeFileSync(join(dir, 'status'), 'NSpid:\t7\n');
    if (root !== undefined) symlinkSync(root, join(dir, 'root'));
    symlinkSync(exe, join(dir, 'exe'));
    symlinkSync(cwd, join(dir, 'cwd'));
    const entry = readProcess(7, proc);
    rmSync(dir, { recursive: true });
    return [entry?.exepath, entry?.cwd];
  };
  try {
    assert.deepEqual(paths('/jail', '/jail/bin/prog (deleted)', '/jail'), ['/bin/prog', '/']);
    assert.deepEqual(paths('/jail', '/jailed/prog', '/jail/etc'), ['/jailed/prog', '/etc']);
    assert.deepEqual(paths('/', '/bin/prog', '/'), ['/bin/prog', '/']);
    assert.deepEqual(paths(undefined, '/bin/prog', '/'), ['/bin/prog', '/']);
  } finally {
    rmSync(proc, { recursive: true });
  }
});
