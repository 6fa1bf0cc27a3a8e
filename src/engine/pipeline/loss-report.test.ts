import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lossRow } from '../audit-rows.ts';
import { LossReport } from './loss-report.ts';

const loss = { stage: 'kernel', reason: 'ring_full', ring: 'events', count: 3, from: 100, to: 200 } as const;

test('losses of one kind become one alert with their number and bounds, at once and then every ten seconds', () => {
  const report = new LossReport('node-7', (ns) => BigInt(ns) + 1_000n);
  assert.deepEqual(report.due(0), []);
  report.add(loss);
  report.add({ ...loss, count: 4, from: 300, to: 400 });
  report.add({ ...loss, ring: 'priority' });
  const [first, second, ...rest] = report.due(0);
  assert.deepEqual(rest, []);
  assert.match(first?.message ?? '', /^7 events were lost \(stage=kernel reason=ring_full ring=events\)/);
  assert.equal(first?.fields['lost.from'], 1_100n);
  assert.equal(first?.fields['lost.to'], 1_400n);
  assert.equal(second?.fields.ring, 'priority');
  assert.equal(first?.source, 'internal');
  report.add(loss);
  assert.deepEqual(report.due(9_999), []);
  assert.equal(report.due(10_000).length, 1);
  assert.deepEqual(report.due(30_000), []);
});

test('an alert about a loss has a row of its own in the audit, with bounds where they are known', () => {
  const report = new LossReport('node-7', (ns) => BigInt(ns) + 1_000n);
  report.add(loss);
  report.add({ ...loss, stage: 'decode', reason: 'undecodable', from: 0, to: 0 });
  const [known, unknown] = report.due(0);
  if (known === undefined || unknown === undefined) throw new Error('two alerts');
  const body = JSON.parse(lossRow(known)?.body ?? '{}');
  assert.deepEqual(
    [body.stage, body.reason, body.ring, body.count, body.from],
    ['kernel', 'ring_full', 'events', 3, '1970-01-01T00:00:00.000001100Z'],
  );
  assert.equal(lossRow(known)?.kind, 'loss');
  assert.equal(unknown.fields['lost.from'], null);
  assert.equal(lossRow(unknown)?.timeNs, unknown.timeNs);
  assert.equal(lossRow({ ...known, source: 'syscall' }), undefined, 'a rule of that name is no loss');
});
