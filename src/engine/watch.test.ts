import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { watchPaths } from './watch.ts';

test('several writes are one change; a file that replaces another counts; other files do not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-watch-'));
  const file = join(folder, 'a.yaml');
  writeFileSync(file, '1');
  let changes = 0;
  const end = watchPaths([file], () => changes++, 100);
  try {
    writeFileSync(file, '2');
    writeFileSync(file, '3');
    await sleep(400);
    assert.equal(changes, 1);
    writeFileSync(join(folder, 'b.txt'), '');
    await sleep(400);
    assert.equal(changes, 1);
    writeFileSync(join(folder, 'new.yaml'), '4');
    renameSync(join(folder, 'new.yaml'), file);
    await sleep(400);
    assert.equal(changes, 2);
  } finally {
    end();
    rmSync(folder, { recursive: true });
  }
  assert.equal(changes, 2);
});
