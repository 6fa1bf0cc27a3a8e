import assert from 'node:assert/strict';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { backup } from './backup.ts';
import type { StoredRow } from './database.ts';
import { actorEntry, alertEntry, entry } from './entry.ts';
import { type Filter, query } from './query.ts';
import { cells, csvLine, exportLine, jsonLine, terminalCells } from './render.ts';
import { sampleAlert, sampleEntries, writerOptions } from './testing.ts';
import { verifyFolder } from './verify.ts';
import { AuditWriter } from './writer.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringfence-query-'));
const audit = join(folder, 'audit');
const CONTAINER = '3ad7b26ded6d';
const HOSTILE = "=cmd|' /C calc'!A1\"\r\n<script>alert(1)</script>\u001b]0;owned\u0007\u009b2J\u202e\u2028";
let writer: AuditWriter;

before(() => {
  const clock = { ns: BigInt(Date.UTC(2026, 9, 30)) * 1_000_000n };
  writer = new AuditWriter(writerOptions(audit), () => clock.ns);
  writer.append(sampleEntries(1, 100));
  clock.ns += 5n * 86_400_000_000_000n;
  writer.append(sampleEntries(101, 200));
  writer.append([
    alertEntry(
      sampleAlert(300, {
        rule: 'Odd [name]',
        message: HOSTILE,
        fields: { 'proc.name': 'nc', 'container.id': CONTAINER, big: 2n ** 60n },
      }),
      { event: { 'user.name': 'eve', 'fd.name': '10.0.0.1:80' }, decision: { clause: 3 } },
    ),
    alertEntry(sampleAlert(301, { guarantee: 'denied' })),
    actorEntry('mode', { uid: 0, user: 'root', pid: 7, exe: '/usr/bin/ringfence' }, { mode: 'enforce' }),
    entry('health', { summary: 'canary missing' }),
  ]);
});
after(() => {
  writer.close();
  rmSync(folder, { recursive: true });
});

const found = (filter: Filter): StoredRow[] => [...query(audit, filter)];

test('every filter finds what it names, over all files of a live folder', () => {
  assert.equal(readdirSync(audit).filter((n) => n.endsWith('.db')).length, 2);
  assert.equal(found({ kinds: ['alert'] }).length, 201);
  assert.equal(found({ kinds: ['denial'] }).length, 1);
  assert.equal(found({ kinds: ['mode', 'health'] }).length, 2);
  assert.equal(found({ rule: 'Rule 3' }).length, 29);
  assert.equal(found({ rule: 'Odd [*' }).length, 1);
  assert.equal(found({ rule: 'rule 3' }).length, 0);
  assert.equal(found({ user: 'eve' }).length, 1);
  assert.equal(found({ user: 'root', kinds: ['mode'] }).length, 1);
  assert.equal(found({ process: 'n?' }).length, 1);
  assert.equal(found({ process: '1007' }).length, 1);
  assert.equal(found({ container: CONTAINER }).length, 1);
  assert.equal(found({ container: `${CONTAINER}1498dba2a0f0b1c4f3a8b7b0cd2a` }).length, 1);
  assert.equal(found({ container: CONTAINER.slice(0, 6) }).length, 1);
  assert.equal(found({ text: 'CANARY' }).length, 1);
  assert.equal(found({ text: 'A1"\r\n<script>' }).length, 1);
  assert.equal(
    found({ priority: 2 }).length,
    found({}).filter((r) => /"(Emergency|Alert|Critical)"/.test(r.body)).length,
  );
  assert.equal(found({ uuid: sampleAlert(150).uuid }).length, 1);
  const { uuid } = sampleAlert(150);
  const others = found({}).filter((row) => row.uuid.startsWith(uuid.slice(0, -2)));
  assert.deepEqual(found({ uuid: uuid.slice(0, -2) }), others);
  assert.deepEqual(found({ uuid: `${uuid}0` }), []);
});

test('time bounds include the start and leave out the end', () => {
  const at = (n: number): bigint => sampleAlert(n).timeNs;
  assert.equal(found({ sinceNs: at(10), untilNs: at(20), kinds: ['alert'] }).length, 10);
});

test('a limit gives the newest rows, in the order in which they were written', () => {
  const seqs = found({ kinds: ['alert'], limit: 150 }).map((r) => r.seq);
  assert.equal(seqs.length, 150);
  assert.deepEqual(
    seqs,
    [...seqs].sort((a, b) => a - b),
  );
  assert.equal(seqs.at(-1), found({ kinds: ['alert'] }).at(-1)!.seq);
  assert.equal(found({ limit: 0 }).length, 0);
});

test('what an attacker wrote is inert in a table, in CSV and in JSON', () => {
  const row = found({ rule: 'Odd [name]' })[0]!;
  const active = /[\u0000-\u001f\u007f-\u009f\u202e\u2028]/;
  for (const cell of terminalCells(row)) assert.doesNotMatch(cell, active);
  const json = jsonLine(row);
  assert.doesNotMatch(json, active);
  const parsed = JSON.parse(json);
  assert.equal(parsed.text, HOSTILE);
  assert.equal(parsed.body.output, HOSTILE);
  assert.equal(parsed.user, 'eve');
  assert.equal(parsed.body.decision.clause, 3);
  assert.equal(parsed.body.output_fields.big, '1152921504606846976');
  const csv = csvLine(cells(row));
  assert.match(csv, /,"'=cmd/);
  assert.doesNotMatch(csv.trimEnd(), active);
  const exported = exportLine(row);
  assert.doesNotMatch(exported, active);
  assert.equal(JSON.parse(exported).body, row.body);
  assert.equal(csv.match(/""/g)?.length, 1);
});

test('an exported row carries what its hash covers', () => {
  const row = found({ kinds: ['mode'] })[0]!;
  const line = JSON.parse(exportLine(row));
  assert.equal(line.body, row.body);
  assert.equal(line.hash.length, 64);
});

test('a backup of a live audit, and a plain copy, can be read', () => {
  const copy = join(folder, 'backup');
  const report = backup(audit, copy);
  assert.equal(report.files, 2);
  assert.deepEqual(verifyFolder(copy).problems, []);
  assert.equal([...query(copy, {})].length, found({}).length);
  assert.throws(() => backup(audit, copy), /not empty/);
  const plain = join(folder, 'plain');
  cpSync(audit, plain, { recursive: true });
  assert.equal([...query(plain, {})].length, found({}).length);
});

test('a folder without an audit is said to be one', () => {
  const empty = join(folder, 'empty');
  mkdirSync(empty);
  assert.throws(() => [...query(empty, {})], /there is no audit in/);
  assert.throws(() => [...query(join(folder, 'nowhere'), {})], /cannot read the audit/);
  assert.ok(readFileSync(join(audit, 'audit.head'), 'utf8').includes('"seq"'));
});

test('a damaged file is reported with advice, not as a defect of the program', () => {
  const damaged = join(folder, 'damaged');
  cpSync(audit, damaged, { recursive: true });
  const name = join(damaged, readdirSync(damaged).find((n) => n.endsWith('.db'))!);
  chmodSync(name, 0o600);
  writeFileSync(name, Buffer.alloc(8192, 7));
  assert.throws(() => [...query(damaged)], { code: 'E_AUDIT_DAMAGED', help: /audit verify/ });
  assert.ok(!verifyFolder(damaged).ok);
});

test('a hundred thousand rows are searched by text, process, time and id', () => {
  const large = join(folder, 'large');
  const bulk = new AuditWriter(writerOptions(large));
  for (let i = 0; i < 100; i++) bulk.append(sampleEntries(i * 1000 + 1, i * 1000 + 1000));
  bulk.close();
  const found = (filter: Filter): number => [...query(large, filter)].length;
  assert.equal(found({ text: 'n=77777)' }), 1);
  assert.equal(found({ process: 'bash', limit: 50 }), 50);
  const from = sampleAlert(50_000).timeNs;
  assert.equal(found({ sinceNs: from, untilNs: from + 100_000_000n }), 100);
  assert.equal(found({ uuid: sampleAlert(99_999).uuid }), 1);
});
