import assert from 'node:assert/strict';
import { chmodSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { entry } from './entry.ts';
import { type AuditHooks, type AuditOptions, type AuditState, AuditStore } from './store.ts';
import { folderPerTest, sampleEntries, writerOptions } from './testing.ts';
import { verifyFolder } from './verify.ts';

const folder = folderPerTest();
const skip = import.meta.url.endsWith('.ts')
  ? 'needs the compiled tree: threads cannot load TypeScript'
  : false;

function open(more: Partial<AuditOptions> = {}, hooks: AuditHooks = {}): Promise<AuditStore> {
  const timing = { anchorIntervalMs: 0, waitMs: 2_000, maxQueued: 10_000 };
  return AuditStore.open({ ...writerOptions(join(folder(), 'audit')), ...timing, ...more }, hooks);
}

function count(kind: string): number {
  const db = new Sqlite(join(folder(), 'audit', `audit-${month()}-0001.db`), {
    readonly: true,
  });
  try {
    return db.prepare('SELECT count(*) FROM entries WHERE kind = ?').pluck().get(kind) as number;
  } finally {
    db.close();
  }
}

const month = (): string => new Date().toISOString().slice(0, 7);

test('append resolves when the rows are on the disk, and later ones share a commit', { skip }, async () => {
  const store = await open();
  const outcomes = await Promise.all(
    Array.from({ length: 200 }, (_, i) => store.append(sampleEntries(i * 5 + 1, i * 5 + 5))),
  );
  assert.ok(outcomes.every((o) => o === 'committed'));
  assert.equal(count('alert'), 1_000);
  const { commits, committed, queued } = store.stats();
  assert.equal(committed, 1_000);
  assert.equal(queued, 0);
  assert.ok(commits <= 5, `${commits} commits`);
  assert.equal(await store.close(), 0);
  assert.deepEqual(verifyFolder(join(folder(), 'audit')).problems, []);
});

test('anchors are published at their interval and at the end', { skip }, async () => {
  const seen: number[] = [];
  const store = await open({ anchorIntervalMs: 20 }, { onAnchor: (a) => seen.push(a.seq) });
  await store.append(sampleEntries(1, 1));
  const later = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, 120));
  await later();
  const published = seen.length;
  assert.ok(seen.at(-1)! >= 2);
  await later();
  assert.equal(seen.length, published, 'nothing new, no further anchor');
  await store.append(sampleEntries(2, 2));
  await store.close();
  assert.equal(seen.length, published + 1);
});

test('a disk that fails holds nobody up; rows are written in order when it recovers', { skip }, async () => {
  const states: AuditState[] = [];
  const store = await open({}, { onState: (s) => states.push(s) });
  assert.equal(await store.append(sampleEntries(1, 5)), 'committed');
  // Another connection keeps the write lock: the same to the writer as a disk that hangs.
  const blocker = new Sqlite(join(folder(), 'audit', `audit-${month()}-0001.db`));
  blocker.exec('BEGIN IMMEDIATE');
  assert.equal(await store.append(sampleEntries(6, 10)), 'deferred');
  assert.equal(states.at(-1)?.ok, false);
  assert.equal(await store.append(sampleEntries(11, 15)), 'deferred');
  blocker.exec('ROLLBACK');
  blocker.close();
  assert.equal(await store.close(10_000), 0);
  assert.equal(states.at(-1)?.ok, true);
  assert.equal(count('alert'), 15);
  assert.deepEqual(verifyFolder(join(folder(), 'audit')).problems, []);
});

test('a disk that hangs at the end holds up neither the end nor those who wait', { skip }, async () => {
  const store = await open({ waitMs: 60_000 });
  await store.append(sampleEntries(1, 5));
  const blocker = new Sqlite(join(folder(), 'audit', `audit-${month()}-0001.db`));
  blocker.exec('BEGIN IMMEDIATE');
  const outcomes = [store.append(sampleEntries(6, 10)), store.append(sampleEntries(11, 12))];
  assert.equal(await store.close(200), 7, 'rows that were not written');
  assert.deepEqual(await Promise.all(outcomes), ['deferred', 'deferred']);
  blocker.exec('ROLLBACK');
  blocker.close();
});

test('a queue that is full drops alerts, counts them and records the loss', { skip }, async () => {
  const store = await open({ maxQueued: 100, waitMs: 50 });
  const blocker = new Sqlite(join(folder(), 'audit', `audit-${month()}-0001.db`));
  blocker.exec('BEGIN IMMEDIATE');
  await store.append(sampleEntries(1, 100));
  assert.equal(await store.append(sampleEntries(101, 140)), 'dropped');
  assert.equal(
    await store.append([entry('mode', { mode: 'enforce' })]),
    'deferred',
    'there is room for the rest',
  );
  assert.equal(store.stats().dropped, 40);
  blocker.exec('ROLLBACK');
  blocker.close();
  await store.close(10_000);
  assert.equal(count('alert'), 100);
  assert.equal(count('mode'), 1);
  assert.equal(count('loss'), 1);
});

test('what the user has to mend stops the start, with the exit code of a bad configuration', {
  skip,
}, async () => {
  const store = await open();
  await assert.rejects(open(), /another process writes the audit/);
  await store.close();
  const shared = join(folder(), 'audit');
  chmodSync(shared, 0o777);
  rmSync(shared, { recursive: true });
  await assert.rejects(
    open({ keyFile: join(folder(), 'no-key') }),
    (e: Error & { exitCode?: number }) => e.exitCode === 3,
  );
});
