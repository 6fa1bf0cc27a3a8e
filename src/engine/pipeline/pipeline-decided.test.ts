import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadRules } from '../../rules/index.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { type RecordSpec, recordOf } from '../../sensors/record/build-record.ts';
import { RF_FLAG } from '../../sensors/record/layout.gen.ts';
import { MetricBuffer } from '../core/metrics.ts';
import { BootClock } from '../enrich/clock.ts';
import { ContainerRegistry } from '../enrich/containers.ts';
import { Enricher } from '../enrich/enricher.ts';
import { entryRule, guardRule, LANGUAGE } from '../ruleset.ts';
import { Pipeline } from './pipeline.ts';

const rule = (name: string): string => `- rule: ${name}
  desc: every connect and every exec
  condition: evt.type in (connect, execve)
  output: x
  priority: INFO
`;

/** Alerts as "rule guarantee" of records of which `Policy` decided those with a clause. */
function alerts(...specs: RecordSpec[]): string[] {
  return run(specs).alerts;
}

/** The alerts, and what was counted of decisions. */
function run(specs: readonly RecordSpec[]): { alerts: string[]; decisions: unknown[] } {
  const metrics = new MetricBuffer();
  const out: string[] = [];
  const { rules } = loadRules([{ name: 'test', text: rule('Policy') + rule('Other') }], {
    ...LANGUAGE,
    matching: 'all',
  });
  const pipeline = new Pipeline(rules!, {
    enricher: new Enricher({
      proc: undefined,
      arch: 'x64',
      clock: new BootClock(() => 0n),
      containers: new ContainerRegistry([]),
    }),
    hostname: 'h',
    bootId: 'b',
    eventNames: EVENT_NAMES.names,
    metrics,
    emit: (batch) => out.push(...batch.map((alert) => `${alert.rule} ${alert.guarantee}`)),
    tierOf: () => 'observe',
    decider: () => ({ kind: 'rule', name: 'Policy' }),
    entryRule: entryRule(),
    guardRule: guardRule(),
    wait: { capacity: 0, waitMs: 0 },
    bootNow: () => 0,
    explain: false,
  });
  for (const spec of specs) pipeline.record(recordOf(spec));
  pipeline.finish();
  const counted = metrics.take().add.filter(([key]) => key === 'enforcement');
  return { alerts: out, decisions: counted.map(([, labels, n]) => [...labels, n]) };
}

const self = { pid: 7, tid: 7, start: 7, comm: 'sh' };
const hook: RecordSpec = {
  kind: 'call',
  ...self,
  nr: syscallNumber('connect')!,
  clause: 1,
  flags: RF_FLAG.NO_RESULT | RF_FLAG.DENIED,
};
const call: RecordSpec = { kind: 'call', ...self, nr: syscallNumber('connect')!, ret: -1 };

test('what a hook decided is told once by its rule, and by other rules when the call itself is told', () => {
  assert.deepEqual(alerts(hook), ['Policy denied']);
  assert.deepEqual(alerts(hook, call), ['Policy denied', 'Other observed']);
});

test('the next call of the thread, and calls of other threads, are told by all rules', () => {
  const both = ['Policy observed', 'Other observed'];
  assert.deepEqual(alerts(hook, call, call).slice(2), both);
  assert.deepEqual(alerts(hook, { ...call, tid: 8 }).slice(1), both);
});

test('a record of an act that carries the decision itself is told by all rules, with one guarantee', () => {
  const exec: RecordSpec = { kind: 'exec', ...self, exe: '/x', clause: 1, flags: RF_FLAG.KILLED };
  assert.deepEqual(alerts(exec), ['Policy killed', 'Other killed']);
});

test('decisions are counted, and each once', () => {
  const watched: RecordSpec = { ...hook, flags: RF_FLAG.NO_RESULT | RF_FLAG.WOULD_DENY };
  assert.deepEqual(run([hook, call, hook, call, watched, call]).decisions, [
    ['rule', 'denied', 2],
    ['rule', 'would_deny', 1],
  ]);
  assert.deepEqual(run([call]).decisions, []);
});
