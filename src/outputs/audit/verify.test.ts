import assert from 'node:assert/strict';
import { generateKeyPairSync } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import type { Alert } from '../../engine/core/alert.ts';
import { humanLine } from '../console.ts';
import { FORMAT_NAMES, makeFormatter } from '../formats/formats.ts';
import { type Anchor, readAnchors } from './anchor.ts';
import { parseAnchor } from './anchor-lines.ts';
import { anchorAlert } from './audit.ts';
import { loadPublicKey } from './keys.ts';
import { folderPerTest, sampleAlert, sampleEntries, writerOptions } from './testing.ts';
import { verifyFolder } from './verify.ts';
import { AuditWriter } from './writer.ts';

const temporary = folderPerTest();
const DAY = 86_400_000_000_000n;

/** Three finished files and a live one, of 40 alerts each; returns the folder and the anchors. */
function history(more: Parameters<typeof writerOptions>[1] = {}): { folder: string; anchors: Anchor[] } {
  const folder = join(temporary(), 'audit');
  const clock = { ns: BigInt(Date.UTC(2026, 6, 3)) * 1_000_000n };
  const writer = new AuditWriter(writerOptions(folder, more), () => clock.ns);
  const anchors: Anchor[] = [];
  for (let i = 0; i < 4; i++) {
    writer.append(sampleEntries(i * 40 + 1, i * 40 + 40));
    anchors.push(writer.anchor()!);
    if (i < 3) clock.ns += 31n * DAY;
  }
  writer.close();
  return { folder, anchors };
}

function files(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.db'))
    .map((name) => join(folder, name));
}

/** Does what somebody with root and sqlite3 can do. */
function tamper(path: string, sql: string): void {
  chmodSync(path, 0o600);
  const db = new Sqlite(path);
  db.exec('DROP TRIGGER entries_are_final; DROP TRIGGER entries_are_kept');
  db.exec(sql);
  db.exec(`CREATE TRIGGER entries_are_final BEFORE UPDATE ON entries
    BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;
  CREATE TRIGGER entries_are_kept BEFORE DELETE ON entries
    BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;`);
  db.close();
}

/** Changes one byte of a text that stands in the file. */
function flip(path: string, text: string): void {
  chmodSync(path, 0o600);
  const bytes = readFileSync(path);
  const offset = bytes.indexOf(text);
  assert.ok(offset > 0);
  writeSync(openSync(path, 'r+'), Buffer.from([bytes[offset]! ^ 1]), 0, 1, offset);
}

test('an untouched audit verifies, live, copied and with its anchors', () => {
  const { folder, anchors } = history();
  const report = verifyFolder(folder, { anchors });
  assert.deepEqual(report.problems, []);
  assert.deepEqual(report.warnings, []);
  assert.equal(report.files, 4);
  assert.equal(report.anchorsChecked, 4);
  const copy = join(temporary(), 'copy');
  cpSync(folder, copy, { recursive: true });
  assert.ok(verifyFolder(copy, { anchors }).ok);
});

test('a flipped byte in a finished and in the live file is found at its row', () => {
  const { folder } = history();
  const [first, , , live] = files(folder);
  flip(live!, 'n=150)');
  const inLive = verifyFolder(folder);
  assert.equal(inLive.firstBroken, 163);
  flip(first!, 'n=20)');
  assert.equal(verifyFolder(folder).firstBroken, 21);
});

for (const [which, index] of [
  ['a finished file', 1],
  ['the newest file after an orderly end', 3],
] as const) {
  test(`any flipped byte of ${which} is found, also where it holds no row`, () => {
    const { folder } = history();
    const path = files(folder)[index]!;
    chmodSync(path, 0o600);
    const bytes = readFileSync(path);
    const copy = join(temporary(), 'copy.db');
    copyFileSync(path, copy);
    for (let offset = 24; offset < bytes.length; offset += Math.floor(bytes.length / 25)) {
      const fd = openSync(path, 'r+');
      writeSync(fd, Buffer.from([bytes[offset]! ^ 0x10]), 0, 1, offset);
      assert.ok(!verifyFolder(folder).ok, `byte ${offset} of ${bytes.length}`);
      copyFileSync(copy, path);
    }
    assert.ok(verifyFolder(folder).ok);
  });
}

test('a deleted row is found: in the middle, at the start and at the end', () => {
  for (const [where, seq] of [
    ['seq = 15', 15],
    ['seq = 1', 1],
    ['seq = (SELECT max(seq) FROM entries)', 174],
  ] as const) {
    const { folder } = history();
    tamper(
      files(folder).at(where === 'seq = 15' || where === 'seq = 1' ? 0 : -1)!,
      `DELETE FROM entries WHERE ${where}`,
    );
    const report = verifyFolder(folder);
    assert.equal(report.firstBroken, seq, JSON.stringify(report.problems));
    rmSync(folder, { recursive: true });
  }
});

test('a changed, an inserted and a moved row are found', () => {
  for (const sql of [
    `UPDATE entries SET body = replace(body, '"root"', '"nobody"') WHERE seq = 15`,
    'UPDATE entries SET time_ns = time_ns + 1 WHERE seq = 15',
    `UPDATE entries SET uuid = 'x' WHERE seq = 15`,
    `UPDATE entries SET kind = 'loss' WHERE seq = 15`,
    `UPDATE entries SET hash = zeroblob(32) WHERE seq = 15`,
  ]) {
    const { folder } = history();
    tamper(files(folder)[0]!, sql);
    assert.equal(verifyFolder(folder).firstBroken, 15, sql);
    rmSync(folder, { recursive: true });
  }
});

test('a removed trigger is found', () => {
  const { folder } = history();
  const db = new Sqlite(files(folder).at(-1)!);
  db.exec('DROP TRIGGER entries_are_kept');
  db.close();
  assert.match(verifyFolder(folder).problems[0]!.what, /entries_are_kept missing/);
});

test('a truncated file is found', () => {
  for (const index of [1, 3]) {
    const { folder } = history();
    const path = files(folder)[index]!;
    truncateSync(path, Math.floor(statSync(path).size / 8192) * 4096);
    assert.ok(!verifyFolder(folder).ok);
    truncateSync(path, 0);
    assert.ok(!verifyFolder(folder).ok);
    rmSync(folder, { recursive: true });
  }
});

test('a WAL that is cut off is found, and the writer goes on without hiding it', () => {
  const folder = join(temporary(), 'audit');
  const writer = new AuditWriter(writerOptions(folder));
  writer.append(sampleEntries(1, 50));
  // What a kill leaves: a copy of the files with the rows still in the WAL.
  const crashed = join(temporary(), 'crashed');
  writer.append(sampleEntries(51, 60));
  cpSync(folder, crashed, { recursive: true });
  writer.close();
  const wal = join(crashed, readdirSync(crashed).find((name) => name.endsWith('-wal'))!);
  assert.ok(verifyFolder(crashed).ok);
  rmSync(join(crashed, 'audit.lock'));
  for (const name of readdirSync(crashed)) if (name.endsWith('-shm')) rmSync(join(crashed, name));
  truncateSync(wal, statSync(wal).size - 2 * 4120);
  const report = verifyFolder(crashed);
  assert.match(report.problems[0]!.what, /the end was cut off/);
  const resumed = new AuditWriter(writerOptions(crashed));
  assert.match(resumed.append(sampleEntries(61, 62)).notices[0]!.message, /does not go on where it ended/);
  resumed.close();
  const after = verifyFolder(crashed);
  assert.equal(after.firstBroken, report.firstBroken);
  assert.ok(after.problems.some((p) => /gap/.test(p.what)));
});

test('missing files are found: the oldest, one in the middle, the newest, all', () => {
  for (const gone of [[0], [1], [3], [0, 1], [0, 1, 2, 3]]) {
    const { folder } = history();
    const all = files(folder);
    for (const index of gone) rmSync(all[index]!);
    assert.ok(!verifyFolder(folder).ok, `files ${gone}`);
    rmSync(folder, { recursive: true });
  }
});

test('a file replaced by one of another chain is found, also by its own writer', () => {
  const { folder } = history();
  const live = files(folder).at(-1)!;
  const other = join(temporary(), 'other');
  const clock = BigInt(Date.UTC(2026, 9, 4)) * 1_000_000n;
  const writer = new AuditWriter(writerOptions(other), () => clock);
  writer.append(sampleEntries(1, 300));
  writer.close();
  copyFileSync(files(other)[0]!, live);
  assert.ok(!verifyFolder(folder).ok);
  const resumed = new AuditWriter(writerOptions(folder), () => clock);
  assert.match(resumed.append([]).notices[0]!.message, /another chain/);
  resumed.close();
  assert.ok(!verifyFolder(folder).ok, 'it stays on record');
});

test('a chain made anew from the start fits itself, but not a published anchor', () => {
  const { folder, anchors } = history();
  rmSync(folder, { recursive: true });
  const forged = history();
  assert.ok(verifyFolder(forged.folder).ok);
  const report = verifyFolder(forged.folder, { anchors });
  assert.equal(report.firstBroken, anchors[0]!.seq);
});

test('rows that were cut off together with audit.head are found by an anchor', () => {
  const { folder, anchors } = history();
  rmSync(files(folder).at(-1)!);
  rmSync(join(folder, 'audit.head'));
  const alone = verifyFolder(folder);
  assert.match(alone.warnings.join(), /audit.head is missing/);
  assert.match(verifyFolder(folder, { anchors }).problems.at(-1)!.what, /which is missing/);
});

test('anchors are signed, and a signature by another key is found', () => {
  const keyFile = join(temporary(), 'key.pem');
  const pair = generateKeyPairSync('ed25519');
  writeFileSync(keyFile, pair.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
  const anchorFile = join(temporary(), 'anchors.jsonl');
  const { folder } = history({ keyFile, anchorFile });
  const anchors = readAnchors(anchorFile);
  assert.equal(anchors.length, 4);
  const good = verifyFolder(folder, { anchors, publicKeys: [pair.publicKey] });
  assert.deepEqual(good.problems, []);
  assert.equal(good.signaturesChecked, 4);
  assert.equal(good.anchorsSigned, 4);
  assert.equal(verifyFolder(folder, { anchors }).anchorsSigned, 0);
  assert.match(verifyFolder(folder, { anchors }).warnings.join(), /anchors are signed/);
  assert.match(verifyFolder(folder).warnings.join(), /give the public key/);
  const stranger = generateKeyPairSync('ed25519').publicKey;
  assert.ok(!verifyFolder(folder, { publicKeys: [stranger] }).ok);
  const pem = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString();
  assert.deepEqual(loadPublicKey(pem).export({ format: 'jwk' }), pair.publicKey.export({ format: 'jwk' }));
});

test('a key that others can read is refused, and another key is recorded as a row', () => {
  const keyFile = join(temporary(), 'key.pem');
  const pem = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' });
  writeFileSync(keyFile, pem, { mode: 0o644 });
  chmodSync(keyFile, 0o644);
  const folder = join(temporary(), 'audit');
  assert.throws(() => new AuditWriter(writerOptions(folder, { keyFile })), /others can read it/);
  chmodSync(keyFile, 0o600);
  new AuditWriter(writerOptions(folder)).close();
  const writer = new AuditWriter(writerOptions(folder, { keyFile }));
  assert.ok(writer.anchor()?.signature);
  writer.close();
  const db = new Sqlite(files(folder)[0]!, { readonly: true });
  assert.equal(db.prepare(`SELECT count(*) FROM entries WHERE kind = 'key'`).pluck().get(), 1);
  db.close();
  assert.deepEqual(verifyFolder(folder).problems, []);
});

test('anchors of other hosts in the same log are not this chain, and others of this host are not forgiven', () => {
  const { folder, anchors } = history();
  const others = anchors.map((anchor) => ({ ...anchor, host: 'host2', chain: '0'.repeat(32), seq: 7 }));
  const report = verifyFolder(folder, { anchors: [...others, ...anchors] });
  assert.deepEqual(report.problems, []);
  assert.equal(report.anchorsChecked, 4);
  assert.match(report.warnings.join(), /other hosts were not compared: host2/);
  assert.match(verifyFolder(folder, { anchors: others }).problems[0]!.what, /none of the 4 anchors/);
  const earlier = { ...anchors[1]!, chain: '0'.repeat(32) };
  const begunAnew = verifyFolder(folder, { anchors: [earlier, ...anchors] });
  assert.equal(begunAnew.firstBroken, earlier.seq);
});

/** All forms in which alerts leave the engine as lines. */
function written(alert: Alert): string[] {
  const lines = FORMAT_NAMES.map((name) => makeFormatter(name, {}, { version: '1' })(alert));
  const iso = makeFormatter('falco_text', { time_format_iso_8601: true }, { version: '1' })(alert);
  const all = [...lines, iso, humanLine(alert, false, false)];
  const journal = all.map((line) => JSON.stringify({ PRIORITY: '6', MESSAGE: line }));
  const container = all.map((line) => JSON.stringify({ log: `${line}\n`, stream: 'stdout' }));
  const collected = all.map((line) => `Nov 22 02:00:00 host1 ringfence[123]: ${line}`);
  return [...all, ...journal, ...container, ...collected];
}

test('an anchor is found in a log and in alerts of every format', () => {
  const { anchors } = history();
  const text = JSON.stringify(anchors[0]);
  const log = [
    text,
    `{"level":"info","anchor":${text},"msg":"audit anchor"}`,
    `<6>{"level":"info","anchor":${text},"msg":"audit anchor"}`,
    `10:00:00 info audit anchor  anchor=${text}`,
    `10:00:00.123 info  audit anchor  component=audit  anchor=${text}`,
  ];
  for (const line of [...log, ...written(anchorAlert(anchors[0]!, 'host1'))])
    assert.deepEqual(parseAnchor(line), anchors[0], line);
  for (const line of ['', '{"v":1,}', '{"v":1,"chain":1}', 'nothing'])
    assert.equal(parseAnchor(line), undefined);
});

test('what a watched process has written is never taken for an anchor', () => {
  const { anchors } = history();
  const forged = JSON.stringify({ ...anchors[0], hash: '00' });
  const { message, rule } = anchorAlert(anchors[0]!, 'host1');
  const texts = [
    forged,
    ` ${forged}`,
    `audit anchor  anchor=${forged}`,
    ` info  audit anchor  component=audit  anchor=${forged}`,
    message,
    `10:00:00.000000000: Informational ${message}`,
    `10:00:00.000  Informational ${rule}: ${message}`,
    `CEF:0|Ringfence|Ringfence|1|${rule}|${rule}|3|msg=${forged}`,
    `"rule":"${rule}","output":"${message}`,
    JSON.stringify({ msg: 'audit anchor', anchor: anchors[0] }),
    JSON.stringify({ rule, output: message }),
  ];
  for (const typed of texts) {
    const fields = { 'proc.cmdline': typed, 'proc.name': rule, rule, msg: 'audit anchor', output: message };
    for (const line of written(sampleAlert(1, { message: typed, fields })))
      assert.equal(parseAnchor(line), undefined, line);
  }
});
