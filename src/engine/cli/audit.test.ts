import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { sampleEntries, writerOptions } from '../../outputs/audit/testing.ts';
import { AuditWriter } from '../../outputs/audit/writer.ts';
import { parseEnd, parseTime, toFilter } from './audit-filter.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringfence-audit-cli-'));
const audit = join(folder, 'audit');
const skip = import.meta.url.endsWith('.ts') ? 'needs the compiled tree: it runs the program' : false;

before(() => {
  const writer = new AuditWriter(writerOptions(audit));
  writer.append(sampleEntries(1, 30));
  writer.close();
});
after(() => rmSync(folder, { recursive: true }));

function ringfence(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const script = fileURLToPath(new URL('./index.js', import.meta.url));
  return spawnSync(process.execPath, [script, 'audit', ...args], { encoding: 'utf8' });
}

test('query prints tab-separated columns, JSON lines and CSV', { skip }, () => {
  const table = ringfence('query', '--path', audit, '--rule', 'Rule 3');
  assert.equal(table.status, 0);
  assert.equal(table.stdout.trim().split('\n').length, 4);
  assert.equal(table.stdout.split('\n')[0]?.split('\t')[4], 'Rule 3');
  const json = ringfence('query', '--path', audit, '--json', '--kind', 'alert', '--limit', '2');
  const rows = json.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));
  assert.deepEqual(
    rows.map((r) => r.body.output_fields['proc.pid']),
    [1029, 1030],
  );
  const csv = ringfence('query', '--path', audit, '--csv', '--limit', '1');
  assert.match(csv.stdout, /^"time","seq"/);
});

test('verify ends with 0 on a whole chain and with 4 on a broken one, and names the row', { skip }, () => {
  assert.equal(ringfence('verify', '--path', audit).status, 0);
  const copy = join(folder, 'copy');
  assert.equal(ringfence('backup', '--path', audit, '--to', copy).status, 0);
  const anchor = join(folder, 'anchor');
  writeFileSync(anchor, ringfence('anchor', '--path', audit).stdout);
  assert.equal(ringfence('verify', '--path', copy, '--anchors', anchor).status, 0);
  const name = `audit-${new Date().toISOString().slice(0, 7)}-0001.db`;
  const bytes = readFileSync(join(copy, name));
  bytes[bytes.indexOf('n=7)')]! ^= 1;
  writeFileSync(join(copy, name), bytes);
  const broken = ringfence('verify', '--path', copy, '--json');
  assert.equal(broken.status, 4);
  assert.equal(JSON.parse(broken.stdout).firstBroken, 8);
});

test('an export goes into a new file that nobody else can read', { skip }, () => {
  const to = join(folder, 'rows.jsonl');
  assert.equal(ringfence('export', '--path', audit, '--to', to).status, 0);
  const lines = readFileSync(to, 'utf8').trim().split('\n');
  assert.equal(lines.length, 31);
  assert.equal(typeof JSON.parse(lines[5]!).body, 'string');
  assert.equal(ringfence('export', '--path', audit, '--to', to).status, 1);
});

test('a report comes as Markdown, HTML or JSON', { skip }, () => {
  const flags = ['report', '--path', audit, '--control', 'nist', '--from', '2026-01-01', '--to', 'now'];
  assert.match(ringfence(...flags).stdout, /^# Audit report: NIST/);
  assert.match(ringfence(...flags, '--format', 'html').stdout, /^<!doctype html>/);
  assert.equal(
    JSON.parse(ringfence(...flags, '--format', 'json').stdout).schema,
    'ringfence.audit.report.v1',
  );
});

test('what makes no sense ends with 2 and a hint', { skip }, () => {
  for (const args of [
    ['query', '--kind', 'denail'],
    ['query', '--since', 'yesterday'],
    ['query', '--limit', '-1'],
    ['report', '--control', 'hipaa'],
    ['report'],
    ['backup'],
  ]) {
    const { status, stderr } = ringfence(...args, '--path', audit);
    assert.equal(status, 2, args.join(' '));
    assert.match(stderr, /help|error/);
  }
});

test('times are ISO 8601 in UTC or a duration ago, and a day as an end includes itself', () => {
  const now = Date.UTC(2026, 10, 21);
  const ns = (ms: number): bigint => BigInt(ms) * 1_000_000n;
  assert.equal(parseTime('--since', '2026-11-20', now), ns(Date.UTC(2026, 10, 20)));
  assert.equal(parseTime('--since', '2026-11-20 08:30', now), ns(Date.UTC(2026, 10, 20, 8, 30)));
  assert.equal(parseTime('--since', '2026-11-20T08:30:00+02:00', now), ns(Date.UTC(2026, 10, 20, 6, 30)));
  assert.equal(parseTime('--since', '36h', now), ns(now - 36 * 3_600_000));
  assert.equal(parseEnd('--until', '2026-11-20', now), ns(now));
  assert.throws(() => parseTime('--since', '1', now), /is not a time/);
  assert.deepEqual(toFilter({ priority: 'warning', kind: ['deny-list'] }).kinds, ['deny_list']);
  assert.throws(() => toFilter({ priority: 'loud' }), /not a priority/);
});
