import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import Sqlite from 'better-sqlite3';
import fc from 'fast-check';
import type { Json } from '../formats/json.ts';
import { backup } from './backup.ts';
import { canonicalJson } from './canonical.ts';
import { type Entry, entry, KINDS, type Kind } from './entry.ts';
import { HeadFile, readHead } from './head-file.ts';
import { query } from './query.ts';
import { writerOptions } from './testing.ts';
import { verifyFolder } from './verify.ts';
import { AuditWriter } from './writer.ts';

test('canonical JSON sorts members, leaves out undefined and keeps the digits of large numbers', () => {
  assert.equal(
    canonicalJson({ b: 1, a: [true, null, 'é\n'], c: undefined }),
    '{"a":[true,null,"é\\n"],"b":1}',
  );
  assert.equal(canonicalJson(2n ** 53n), '"9007199254740992"');
  assert.equal(canonicalJson(-5n), '-5');
  assert.equal(canonicalJson(Number.NaN), 'null');
  assert.equal(canonicalJson({ '\ue000': 1, '\u{1f600}': 2 }), '{"\u{1f600}":2,"\ue000":1}');
});

test('canonical JSON is JSON, is the same for equal values and bounds what a hostile value can take', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value as Json);
      assert.equal(canonicalJson(JSON.parse(text) as Json), text);
    }),
  );
  let deep: Json = 'x';
  for (let i = 0; i < 10_000; i++) deep = [deep];
  assert.ok(canonicalJson(deep).length < 200);
  assert.ok(canonicalJson('x'.repeat(10_000_000)).length < 70_000);
});

const kinds = (Object.keys(KINDS) as Kind[]).filter(
  (k) => !['open', 'seal', 'anchor', 'gap', 'retention', 'key'].includes(k),
);
const entries = fc.array(
  fc
    .record({
      kind: fc.constantFrom(...kinds),
      body: fc.dictionary(fc.string({ unit: 'grapheme' }), fc.jsonValue()),
      timeNs: fc.bigInt(-(2n ** 62n), 2n ** 62n),
    })
    .map(({ kind, body, timeNs }) => entry(kind, body as { [key: string]: Json }, { timeNs })),
  { minLength: 1, maxLength: 12 },
);

/** Writes the batches, with a restart after each, in a folder of its own. */
function withAudit(batches: readonly (readonly Entry[])[], check: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-chain-'));
  try {
    for (const batch of batches) {
      const writer = new AuditWriter(writerOptions(folder));
      writer.append(batch);
      writer.close();
    }
    check(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('whatever is written, in whatever batches, is read back as it was and verifies', () => {
  fc.assert(
    fc.property(fc.array(entries, { minLength: 1, maxLength: 3 }), (batches) => {
      withAudit(batches, (folder) => {
        assert.deepEqual(verifyFolder(folder).problems, []);
        const read = [...query(folder)].filter((row) => row.kind !== 'open');
        const written = batches.flat().map(({ kind, uuid, body, timeNs }) => ({ kind, uuid, body, timeNs }));
        assert.deepEqual(
          read.map(({ kind, uuid, body, timeNs }) => ({ kind, uuid, body, timeNs })),
          written,
        );
      });
    }),
    { numRuns: 25 },
  );
});

test('the hash of a row can be computed from the documentation alone', () => {
  withAudit([[entry('health', { summary: 'x' })]], (folder) => {
    let previous = Buffer.alloc(32);
    for (const { seq, timeNs, kind, uuid, body, hash } of query(folder)) {
      const text = `ringfence.audit.row.v1\0${seq}\n${timeNs}\n${kind}\n${uuid}\n${body}`;
      previous = createHash('sha256')
        .update(Buffer.concat([previous, Buffer.from(text)]))
        .digest();
      assert.deepEqual(hash, previous);
    }
  });
});

test('a change of any column of any row is found at that row', () => {
  const changes = fc.constantFrom(
    'time_ns = time_ns + 1',
    `kind = kind || 'x'`,
    `uuid = uuid || 'x'`,
    `body = json_set(body, '$.zz', 1)`,
    'hash = CAST(substr(hash, 2) || substr(hash, 1, 1) AS BLOB)',
  );
  fc.assert(
    fc.property(entries, changes, fc.nat(), (batch, change, pick) => {
      withAudit([batch], (folder) => {
        const seq = 2 + (pick % batch.length);
        const db = new Sqlite(join(folder, `audit-${new Date().toISOString().slice(0, 7)}-0001.db`));
        const trigger = db
          .prepare(`SELECT sql FROM sqlite_schema WHERE name = 'entries_are_final'`)
          .pluck()
          .get();
        db.exec('DROP TRIGGER entries_are_final');
        const { changes: n } = db.prepare(`UPDATE entries SET ${change} WHERE seq = ?`).run(seq);
        db.exec(String(trigger));
        db.close();
        assert.equal(n, 1);
        assert.equal(verifyFolder(folder).firstBroken, seq);
      });
    }),
    { numRuns: 25 },
  );
});

test('SQLite leaves no trace in the unused part of the pages of rows, whatever their sizes', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.nat(9_000), { maxLength: 12 }), { minLength: 1, maxLength: 5 }),
      (batches) => {
        const rows = batches.map((sizes) => sizes.map((n) => entry('health', { summary: 'x'.repeat(n) })));
        withAudit(rows, (folder) => assert.deepEqual(verifyFolder(folder).problems, []));
      },
    ),
    { numRuns: 40 },
  );
});

test('a changed byte in the unused part of a page of rows is found in a file that was not closed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-slack-'));
  const copy = join(folder, 'copy');
  const writer = new AuditWriter(writerOptions(join(folder, 'audit')));
  for (let i = 0; i < 20; i++) writer.append([entry('health', { summary: 'y'.repeat(900) })]);
  backup(join(folder, 'audit'), copy);
  writer.close();
  const name = join(copy, `audit-${new Date().toISOString().slice(0, 7)}-0001.db`);
  const bytes = readFileSync(name);
  const text = bytes.lastIndexOf('yyyy');
  const page = text - (text % 4096);
  assert.equal(bytes[page], 0x0d);
  bytes[page + 100] = 1;
  writeFileSync(name, bytes);
  // A head without a digest, as after a kill.
  const head = new HeadFile(copy);
  head.write({ ...readHead(copy)!, sha256: undefined });
  head.close();
  assert.match(verifyFolder(copy).problems[0]?.what ?? '', /that hold no row were changed/);
  rmSync(folder, { recursive: true });
});
