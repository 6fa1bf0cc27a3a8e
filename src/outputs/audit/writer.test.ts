import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import { entry } from './entry.ts';
import { networkFileSystem } from './folder.ts';
import { folderPerTest, sampleEntries, writerOptions } from './testing.ts';
import { verifyFolder } from './verify.ts';
import { AuditWriter } from './writer.ts';

const folder = folderPerTest();
const NOV = BigInt(Date.UTC(2026, 10, 21)) * 1_000_000n;
const DAY = 86_400_000_000_000n;

/** A writer for which time passes as the test says. */
function during(clock: { ns: bigint }, more: Parameters<typeof writerOptions>[1] = {}): AuditWriter {
  return new AuditWriter(
    writerOptions(folder(), more),
    () => clock.ns,
    () => clock.ns,
  );
}

/** A writer whose wall clock the test sets. */
function at(clock: { ns: bigint }, more: Parameters<typeof writerOptions>[1] = {}): AuditWriter {
  return new AuditWriter(writerOptions(folder(), more), () => clock.ns);
}

function rows(name: string): { seq: number; kind: string; body: string }[] {
  const db = new Sqlite(join(folder(), name), { readonly: true });
  try {
    return db.prepare('SELECT seq, kind, body FROM entries ORDER BY seq').all() as never;
  } finally {
    db.close();
  }
}

test('what is appended can be read back in order, after a first row that names host, boot and chain', () => {
  const writer = at({ ns: NOV });
  const report = writer.append(sampleEntries(1, 3));
  assert.deepEqual(report.written, { alert: 3 });
  writer.close();
  const all = rows('audit-2026-11-0001.db');
  assert.deepEqual(
    all.map((r) => [r.seq, r.kind]),
    [
      [1, 'open'],
      [2, 'alert'],
      [3, 'alert'],
      [4, 'alert'],
    ],
  );
  const open = JSON.parse(all[0]!.body);
  assert.equal(open.host, 'host1');
  assert.match(open.boot_id, /^7d5e/);
  assert.match(open.chain, /^[0-9a-f]{32}$/);
  assert.equal(JSON.parse(all[1]!.body).output_fields['proc.name'], 'bash');
  assert.ok(verifyFolder(folder()).ok);
});

test('an entry handed over twice is written once, also after a restart and over the turn of the month', () => {
  const clock = { ns: NOV };
  const first = at(clock);
  first.append(sampleEntries(1, 3));
  assert.equal(first.append(sampleEntries(2, 4)).duplicates, 2);
  first.close();
  const second = at(clock);
  assert.equal(second.append(sampleEntries(1, 4)).duplicates, 4);
  clock.ns += 15n * DAY;
  const report = second.append(sampleEntries(3, 5));
  assert.equal(report.duplicates, 2);
  assert.equal(report.written.alert, 1);
  second.close();
  assert.equal(readdirSync(folder()).filter((n) => n.endsWith('.db')).length, 2);
  assert.ok(verifyFolder(folder()).ok);
});

test('files are for their owner only, finished ones are read-only and need no WAL', () => {
  const clock = { ns: NOV };
  const writer = at(clock);
  clock.ns += 30n * DAY;
  writer.append(sampleEntries(1, 1));
  const mode = (name: string): number => statSync(join(folder(), name)).mode & 0o777;
  assert.equal(statSync(folder()).mode & 0o777, 0o700);
  assert.equal(mode('audit-2026-11-0001.db'), 0o400);
  assert.ok(!existsSync(join(folder(), 'audit-2026-11-0001.db-wal')));
  assert.equal(mode('audit-2026-12-0002.db'), 0o600);
  assert.equal(mode('audit-2026-12-0002.db-wal'), 0o600);
  assert.equal(mode('audit.head'), 0o600);
  writer.close();
});

test('a clock that goes back is recorded and does not go back to an older file', () => {
  const clock = { ns: NOV };
  const writer = at(clock);
  clock.ns -= 40n * DAY;
  assert.equal(writer.append(sampleEntries(1, 1)).written.clock, 1);
  writer.close();
  const all = rows('audit-2026-11-0001.db');
  const { direction, seconds } = JSON.parse(all.find((r) => r.kind === 'clock')!.body);
  assert.equal(direction, 'back');
  assert.ok(Math.abs(seconds + 40 * 86_400) < 5);
  assert.ok(verifyFolder(folder()).ok);
});

test('rows can neither be changed nor deleted nor replaced through SQL', () => {
  const writer = at({ ns: NOV });
  writer.append(sampleEntries(1, 2));
  writer.close();
  const db = new Sqlite(join(folder(), 'audit-2026-11-0001.db'));
  assert.throws(() => db.exec(`UPDATE entries SET kind = 'x'`), /never changed/);
  assert.throws(() => db.exec('DELETE FROM entries'), /never deleted/);
  assert.throws(
    () =>
      db.exec(
        `INSERT INTO entries (seq, time_ns, kind, uuid, body, hash) VALUES (9, 'x', 'a', 'b', '{}', zeroblob(32))`,
      ),
    /cannot store TEXT/,
  );
  db.close();
});

test('a file begins anew when it has reached its size', () => {
  const writer = at({ ns: NOV }, { maxFileBytes: 200_000 });
  for (let i = 0; i < 20; i++) writer.append(sampleEntries(i * 100 + 1, i * 100 + 100));
  writer.close();
  const names = readdirSync(folder()).filter((n) => n.endsWith('.db'));
  assert.ok(names.length > 2, `${names.length} files`);
  const report = verifyFolder(folder());
  assert.deepEqual(report.problems, []);
  assert.equal(report.rows, 2_000 + names.length * 2 - 1);
});

test('retention removes whole files, says which, and the rest verifies', () => {
  const clock = { ns: NOV };
  const writer = during(clock, { retentionDays: 60 });
  for (let i = 0; i < 4; i++) {
    writer.append(sampleEntries(i + 1, i + 1));
    clock.ns += 31n * DAY;
  }
  writer.append([entry('health', { summary: 'canary back' })]);
  writer.close();
  const names = readdirSync(folder()).filter((n) => n.endsWith('.db'));
  assert.ok(!names.includes('audit-2026-11-0001.db'));
  const kept = names.flatMap((n) => rows(n)).filter((r) => r.kind === 'retention');
  assert.ok(kept.some((r) => JSON.parse(r.body).removed[0].file === 'audit-2026-11-0001.db'));
  assert.deepEqual(verifyFolder(folder()).problems, []);
  rmSync(join(folder(), names[0]!));
  assert.ok(!verifyFolder(folder()).ok, 'a file that no retention row names is missed');
});

test('retention can move files away instead', () => {
  const clock = { ns: NOV };
  const archive = join(folder(), 'archive');
  const writer = during(clock, { retentionDays: 20, archive });
  for (let i = 0; i < 3; i++) {
    clock.ns += 31n * DAY;
    writer.append(sampleEntries(i + 1, i + 1));
  }
  writer.close();
  assert.ok(readdirSync(archive).includes('audit-2026-11-0001.db'));
  assert.deepEqual(verifyFolder(folder()).problems, []);
});

test('two writers cannot use one folder', () => {
  const writer = at({ ns: NOV });
  assert.throws(() => at({ ns: NOV }), /another process writes the audit/);
  writer.close();
  at({ ns: NOV }).close();
});

test('a folder that goes away under the writer is noticed and made again, with the gap on record', () => {
  const writer = at({ ns: NOV });
  writer.append(sampleEntries(1, 3));
  rmSync(folder(), { recursive: true });
  assert.throws(() => writer.append(sampleEntries(4, 4)), /removed or replaced/);
  const { notices } = writer.append(sampleEntries(4, 4));
  assert.match(notices[0]!.message, /all files are gone/);
  writer.close();
  const report = verifyFolder(folder());
  assert.ok(!report.ok);
  assert.equal(report.firstBroken, 6);
  assert.equal(readFileSync(join(folder(), 'audit.head'), 'utf8').length, 512);
});

test('network file systems are known by their magic number', () => {
  assert.equal(networkFileSystem(0x6969), 'NFS');
  assert.equal(networkFileSystem(-11317950 | 0), 'CIFS');
  assert.equal(networkFileSystem(0xef53), undefined);
});

test('a writer that cannot start leaves nothing open, however often it is tried', () => {
  const blocked = join(folder(), 'audit');
  // Where the new file would be made there is a folder.
  mkdirSync(join(blocked, '.audit-new.db'), { recursive: true, mode: 0o700 });
  const start = (): unknown => new AuditWriter(writerOptions(blocked));
  assert.throws(start);
  const open = readdirSync('/proc/self/fd').length;
  for (let n = 0; n < 20; n++) assert.throws(start);
  assert.equal(readdirSync('/proc/self/fd').length, open);
});

test('an anchor that its file does not take is in the audit, handed on, and told of', () => {
  const anchorFile = join(folder(), 'none', 'anchors.jsonl');
  const writer = at({ ns: NOV }, { anchorFile });
  writer.append(sampleEntries(1, 2));
  assert.equal(writer.anchor()?.seq, 3);
  const { notices } = writer.append(sampleEntries(3, 3));
  assert.deepEqual(
    notices.map(({ code }) => code),
    ['E_AUDIT_ANCHOR_FILE'],
  );
  writer.close();
});

test('a clock that leaps ahead takes nothing away, neither while it runs nor at a start', () => {
  const clock = { ns: NOV };
  const days = (): string[] => readdirSync(folder()).filter((n) => /^audit-2026-1[12]/.test(n));
  const before = during(clock, { retentionDays: 60 });
  before.append(sampleEntries(1, 2));
  clock.ns += 31n * DAY;
  before.append(sampleEntries(3, 4));
  before.close();
  assert.equal(days().length, 2);
  const wall = { ns: clock.ns };
  const writer = at(wall, { retentionDays: 60 });
  wall.ns += 5000n * DAY;
  writer.anchor();
  writer.append(sampleEntries(5, 6));
  writer.close();
  at(wall, { retentionDays: 60 }).close();
  wall.ns += 400n * DAY;
  const started = at(wall, { retentionDays: 60 });
  started.append(sampleEntries(7, 8));
  started.close();
  assert.equal(days().length, 2, 'both are there');
  const steady = during(wall, { retentionDays: 60 });
  wall.ns += 8n * DAY;
  steady.append(sampleEntries(9, 10));
  steady.close();
  assert.equal(days().length, 0, 'after a week without a leap they go');
  assert.deepEqual(verifyFolder(folder()).problems, []);
});
