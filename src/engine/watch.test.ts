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
  const end = watchPaths([file], () => changes++, { settleMs: 100 });
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

test('what changed before anybody watched counts, if it was after the given time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-watch-'));
  const file = join(folder, 'a.yaml');
  writeFileSync(file, '1');
  let changes = 0;
  const watchSince = async (since: number): Promise<number> => {
    const before = changes;
    const end = watchPaths([file], () => changes++, { settleMs: 10, since });
    await sleep(200);
    end();
    return changes - before;
  };
  try {
    assert.equal(await watchSince(Date.now() + 1000), 0);
    assert.equal(await watchSince(Date.now() - 60_000), 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
