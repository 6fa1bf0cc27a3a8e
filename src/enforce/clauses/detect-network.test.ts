import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compilePolicy } from '../tables/compile.ts';
import { classify } from '../tables/model.ts';
import type { Policy } from '../tables/tables.ts';
import { check, evaluate } from '../testing/random.ts';
import {
  type NetworkEvent,
  networkCondition,
  networkEvent,
  networkHolds,
  seen,
} from '../testing/random-network.ts';
import type { Condition } from './condition.ts';

const EVENTS = new Set(['connect', 'sendto']);

function compiled(conditions: readonly Condition[]): Policy {
  const rules = conditions.map((condition) => ({
    name: 'r',
    condition,
    events: EVENTS,
    enforce: 'none' as const,
    mode: 'monitor' as const,
  }));
  return compilePolicy(rules, 1).policy;
}

function emitted(policy: Policy, event: NetworkEvent): boolean {
  const table = policy.classes.find((c) => c.events.has(event.event));
  return table !== undefined && classify(policy, table, event.operation).emit;
}

test('no connect and no message that a rule matches is hidden from user space', () => {
  let matched = 0;
  let dropped = 0;
  fc.assert(
    fc.property(
      fc.array(networkCondition, { minLength: 1, maxLength: 4 }),
      fc.array(networkEvent, { minLength: 8, maxLength: 8 }),
      (conditions, events) => {
        const policy = compiled(conditions);
        for (const event of events) {
          const emit = emitted(policy, event);
          if (!emit) dropped++;
          if (!conditions.some((c) => evaluate(c, event, networkHolds))) continue;
          matched++;
          assert.ok(emit, JSON.stringify(event));
        }
      },
    ),
    { numRuns: 2500 },
  );
  assert.ok(matched > 400 && dropped > 400, `${matched} matched, ${dropped} dropped`);
});

const all = (...items: Condition[]): Condition => ({ kind: 'and', items });
const is = (field: string, op: string, ...values: (string | number)[]): Condition => ({
  kind: 'check',
  check: check(field, op, values),
});

/** Connections out, as most rule files name them. */
const outbound = all(
  is('evt.type', '=', 'connect'),
  is('fd.typechar', 'in', '4', '6'),
  is('fd.ip', '!=', '0.0.0.0'),
  is('fd.net', '!=', '127.0.0.0/8'),
  { kind: 'not', item: is('fd.snet', 'in', '10.0.0.0/8', '192.168.0.0/16') },
  { kind: 'or', items: [is('evt.rawres', '>=', 0), is('evt.res', '=', 'EINPROGRESS')] },
);

function connect(to: { ip: string; port: number } | null, bits: number): NetworkEvent {
  const socket = { kind: to === null ? ('u' as const) : ('4' as const), protocol: 'tcp' };
  return {
    ...socket,
    event: 'connect',
    ret: 0,
    process: 'curl',
    client: undefined,
    server: undefined,
    operation: { event: 'connect', bits, ...seen(socket, to) },
  };
}

test('what a rule on outgoing connections leaves out ends in the kernel', () => {
  const policy = compiled([outbound]);
  const ok = 1;
  const begun = 32;
  assert.equal(emitted(policy, connect({ ip: '\xc0\x00\x02\x07', port: 443 }, ok)), true);
  assert.equal(emitted(policy, connect({ ip: '\xc0\x00\x02\x07', port: 443 }, begun)), true);
  assert.equal(emitted(policy, connect({ ip: '\xc0\x00\x02\x07', port: 443 }, 0)), false);
  assert.equal(emitted(policy, connect({ ip: '\x7f\x00\x00\x01', port: 443 }, ok)), false);
  assert.equal(emitted(policy, connect({ ip: '\x0a\x01\x02\x03', port: 443 }, ok)), false);
  assert.equal(emitted(policy, connect(null, ok)), false);
});

test('what is no connection to one of some ports ends in the kernel where it is one', () => {
  const policy = compiled([all(outbound, { kind: 'not', item: is('fd.port', 'in', 53, 123) })]);
  for (const [port, sent] of [
    [53, false],
    [123, false],
    [54, true],
  ] as const) {
    assert.equal(emitted(policy, connect({ ip: '\xc0\x00\x02\x07', port }, 1)), sent, `${port}`);
  }
  // Its own end may be the one: only user space knows.
  const either = compiled([all(outbound, is('fd.port', 'in', 53, 123))]);
  assert.equal(emitted(either, connect({ ip: '\xc0\x00\x02\x07', port: 54 }, 1)), true);
});
