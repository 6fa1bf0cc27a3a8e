import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { alertEntry, entry, lossEntry } from '../entry.ts';
import { sampleAlert, sampleEntries, writerOptions } from '../testing.ts';
import { AuditWriter } from '../writer.ts';
import { FRAMEWORKS, type FrameworkName } from './controls.ts';
import { reportHtml, reportMarkdown } from './render.ts';
import { makeReport } from './report.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringfence-report-'));
const NOW = BigInt(Date.UTC(2026, 10, 21)) * 1_000_000n;
const DAY = 86_400_000_000_000n;
const period = { fromNs: NOW - 30n * DAY, toNs: NOW + DAY, nowNs: NOW };
const EVIL = '</code><script>alert(1)</script>`| x\u001b[2J\n# heading';

before(() => {
  const writer = new AuditWriter(writerOptions(folder), () => NOW);
  writer.append([
    entry('start', { summary: 'started' }, { timeNs: NOW }),
    ...sampleEntries(1, 10),
    alertEntry(sampleAlert(50, { guarantee: 'denied', message: EVIL, tags: ['mitre_credential_access'] })),
    alertEntry(sampleAlert(51, { fields: {} })),
    entry('read', { command: 'query', actor: { uid: 0, user: 'root' } }, { timeNs: NOW }),
    lossEntry({ stage: 'ring', reason: 'full', count: 7, fromNs: NOW - 1000n, toNs: NOW }),
    entry('start', { summary: 'started again, no stop before' }, { timeNs: NOW }),
  ]);
  writer.close();
});
after(() => rmSync(folder, { recursive: true }));

function control(name: FrameworkName, id: string) {
  const found = makeReport(folder, name, period).controls.find((c) => c.id === id);
  assert.ok(found, id);
  return found;
}

test('evidence is counted with samples, and what is missing is said', () => {
  const refused = control('pci', '10.2.1.4');
  assert.equal(refused.evidence[0]?.count, 1);
  assert.equal(refused.evidence[0]?.samples[0]?.rule, 'Rule 1');
  assert.deepEqual(refused.thin, [], 'that nothing would have been refused is no lack');
  assert.match(control('pci', '10.2.1.2').thin.join(), /no alerts about privilege escalation/);
  assert.equal(control('pci', '10.2.1.3').evidence[0]?.count, 1);
});

test('losses, starts without a stop, alerts without a name and a short history make evidence thin', () => {
  const failures = control('pci', '10.7.2-10.7.3').thin.join();
  assert.match(failures, /7 events or rows are recorded as lost/);
  assert.match(failures, /1 starts of the engine without an orderly stop/);
  assert.match(control('nist', 'AU-3').thin.join(), /1 of 12 alerts do not name/);
  assert.match(control('cis', '8.10').thin.join(), /90 are asked for/);
});

test('rows outside the period do not count', () => {
  const none = makeReport(folder, 'pci', { fromNs: 0n, toNs: 1n, nowNs: NOW });
  assert.equal(none.rows, 0);
});

test('every control of every framework has evidence or a check, and says what it does not show', () => {
  for (const { title, controls } of Object.values(FRAMEWORKS)) {
    assert.equal(new Set(controls.map((c) => c.id)).size, controls.length, title);
    for (const c of controls) {
      assert.ok(c.evidence.length + c.checks.length > 0, c.id);
      assert.ok(c.limits.length > 20 && c.asks.length > 20, c.id);
    }
  }
});

test('what an attacker wrote stays text in HTML and in Markdown', () => {
  const report = makeReport(folder, 'pci', period);
  const html = reportHtml(report);
  assert.ok(!html.includes('<script'));
  assert.ok(!html.includes('\u001b'));
  assert.match(html, /&#60;script&#62;/);
  const markdown = reportMarkdown(report);
  assert.ok(!/^# heading/m.test(markdown));
  assert.ok(!markdown.includes('\u001b'));
  const lines = markdown.split('\n').filter((line) => line.includes('<script>'));
  assert.ok(lines.length > 0);
  for (const line of lines) assert.equal(line.match(/`/g)?.length, 2, 'one code span around it');
});
