import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PolicyRule } from './clauses/condition.ts';
import { Budget, protector } from './rails.ts';
import { compilePolicy } from './tables/compile.ts';
import { classify } from './tables/model.ts';
import type { ClassTable } from './tables/tables.ts';

const rule: PolicyRule = {
  name: 'r',
  condition: { kind: 'check', check: { field: 'fd.name', op: '=', values: ['/x'], text: 'fd.name = /x' } },
  events: new Set(['open']),
  enforce: 'deny',
  mode: 'enforce',
};

test('a protected executable is refused nothing, and its acts are still seen', () => {
  const { policy } = compilePolicy([protector(['/usr/sbin/sshd'])(rule)], 1);
  const judge = (exe: string, byRoot = true) =>
    classify(policy, policy.classes[0] as ClassTable, {
      event: 'open',
      bits: 1,
      strings: new Map([
        ['path', '/x'],
        ['exe', exe],
      ]),
      numbers: new Map(),
      byRoot,
    });
  assert.deepEqual(judge('/usr/sbin/sshd'), { emit: true, deny: undefined });
  assert.deepEqual(judge('/bin/cat'), { emit: true, deny: 0 });
  assert.deepEqual(judge('/usr/sbin/sshd', false), { emit: true, deny: 0 });
});

test('a rule above its budget is told once, and not before', () => {
  let now = 0;
  const budget = new Budget(3, () => now);
  const spent = [1, 2, 3, 4, 5].map(() => budget.spend('a'));
  assert.deepEqual(spent, [false, false, false, true, false]);
  assert.deepEqual([...budget.tripped], ['a']);
  for (let i = 0; i < 10; i++) {
    now += 30_000;
    assert.equal(budget.spend('b'), false);
  }
  budget.reset();
  assert.equal(budget.tripped.size, 0);
});
