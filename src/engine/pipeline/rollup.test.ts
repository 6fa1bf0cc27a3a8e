import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Alert } from '../core/alert.ts';
import { RollUp } from './rollup.ts';

let serial = 0;

function alert(
  rule: string,
  fields: Alert['fields'] = {},
  guarantee: Alert['guarantee'] = 'observed',
): Alert {
  serial++;
  return {
    uuid: `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`,
    timeNs: BigInt(serial) * 1_000_000_000n,
    rule,
    priority: 4,
    source: 'syscall',
    tags: [],
    hostname: 'h',
    message: 'm',
    fields,
    guarantee,
    tier: 'observe',
    bootId: 'b',
    policyGeneration: 0,
  };
}

const OPTIONS = { after: 2, windowMs: 1000 };

test('the first alerts of a rule pass at once, the others come as one summary when the window ends', () => {
  const rollup = new RollUp(OPTIONS);
  const flood = Array.from({ length: 10 }, (_, i) =>
    alert('r', { 'proc.name': 'cat', 'fd.name': `/f${i % 3}` }),
  );
  assert.deepEqual(rollup.take(flood, 0), flood.slice(0, 2));
  assert.deepEqual(rollup.due(999), []);
  const [summary, ...rest] = rollup.due(1000);
  assert.deepEqual(rest, []);
  assert.equal(summary?.message, '8 more alerts of this rule in 7.0 s; they differ in fd.name=/f2,/f0,/f1');
  assert.deepEqual(summary?.fields, {
    'proc.name': 'cat',
    'fd.name': ['/f2', '/f0', '/f1'],
    'rollup.count': 8,
  });
  assert.match(summary?.uuid ?? '', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
});

test('rules, and what the kernel did, are counted apart', () => {
  const rollup = new RollUp(OPTIONS);
  const mixed = [alert('a'), alert('a'), alert('b'), alert('a', {}, 'denied')];
  assert.deepEqual(rollup.take(mixed, 0), mixed);
});

test('a single alert beyond the limit is sent as it is, late', () => {
  const rollup = new RollUp(OPTIONS);
  const three = [alert('r'), alert('r'), alert('r')];
  rollup.take(three, 0);
  assert.deepEqual(rollup.finish(), [three[2]]);
});

test('no alert is ever left out: those that pass and those that summaries count are all', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.constantFrom('a', 'b'), fc.nat(700)), { maxLength: 200 }), (steps) => {
      const rollup = new RollUp(OPTIONS);
      let now = 0;
      const out: Alert[] = [];
      for (const [rule, pause] of steps) {
        now += pause;
        out.push(...rollup.take([alert(rule)], now));
      }
      out.push(...rollup.finish());
      const told = out.reduce((sum, one) => sum + Number(one.fields['rollup.count'] ?? 1), 0);
      assert.equal(told, steps.length);
    }),
  );
});
