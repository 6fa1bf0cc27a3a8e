import assert from 'node:assert/strict';
import { test } from 'node:test';
import { enumNames } from '../../sensors/events/flags.ts';
import { SOCKET_FAMILIES } from '../../sensors/events/names.ts';
import { compilePolicy } from '../tables/compile.ts';
import { classify } from '../tables/model.ts';
import { check } from '../testing/random.ts';
import type { Condition } from './condition.ts';
import { BIT } from './term.ts';

/** Whether a socket of that family goes to user space for a rule. */
function emitted(condition: Condition, family: number): boolean {
  const { policy } = compilePolicy(
    [{ name: 'r', condition, events: new Set(['socket']), enforce: 'none', mode: 'monitor' }],
    1,
  );
  const table = policy.classes.find(({ operation }) => operation === 'socket');
  assert.ok(table);
  return classify(policy, table, {
    event: 'socket',
    bits: BIT.ok,
    strings: new Map(),
    numbers: new Map([['id', family]]),
  }).emit;
}

const domain = (field: string, op: string, ...values: (string | number)[]): Condition => ({
  kind: 'check',
  check: { ...check(field, op, values), arg: 'domain' },
});

const TEXTS: readonly { op: string; value: string; holds: (text: string, value: string) => boolean }[] = [
  { op: '=', value: 'AF_PACKET', holds: (t, v) => t === v },
  { op: '!=', value: 'AF_PACKET', holds: (t, v) => t !== v },
  { op: 'contains', value: 'AF_INET', holds: (t, v) => t.includes(v) },
  { op: 'startswith', value: 'AF_LOCAL', holds: (t, v) => t.startsWith(v) },
  { op: 'endswith', value: 'NETLINK', holds: (t, v) => t.endsWith(v) },
];

test("a socket of a family that a rule's check holds for is not hidden, and one of another family is not sent", () => {
  for (const { op, value, holds } of TEXTS) {
    for (let family = 0; family < 60; family++) {
      const text = enumNames(SOCKET_FAMILIES, family);
      const expected = text === '' || holds(text, value);
      assert.equal(emitted(domain('evt.arg', op, value), family), expected, `${text} ${op} ${value}`);
    }
  }
  for (const family of [2, 17, 0xffff_ffff]) {
    assert.equal(emitted(domain('evt.rawarg', '=', 17), family), family === 17);
    // What the check's opposite is, only user space knows.
    assert.equal(emitted({ kind: 'not', item: domain('evt.arg', '=', 'AF_PACKET') }, family), true);
  }
});
