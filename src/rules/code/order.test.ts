import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Interner, type Operand, type Plan } from '../check/plan.ts';
import { cheapFirst } from './order.ts';

const plans = new Interner<unknown>();
const asks = (key: string): Plan<unknown> => plans.exists({ kind: 'field', key } as Operand<unknown>);
const [name, flags, ancestor, args] = ['fd.name', 'evt.arg.flags', 'proc.aname[2]', 'proc.args'].map(
  asks,
) as [Plan<unknown>, Plan<unknown>, Plan<unknown>, Plan<unknown>];

test('what is dear comes last, all else stays in its order', () => {
  assert.deepEqual(cheapFirst([flags, name, ancestor, args]), [name, args, flags, ancestor]);
  assert.deepEqual(cheapFirst([flags, ancestor]), [flags, ancestor]);
  assert.deepEqual(cheapFirst([name, args]), [name, args]);
});

test('a part made of several is as dear as what it asks first', () => {
  const late = plans.logic('and', [name, flags]);
  const early = plans.logic('or', [flags, name]);
  assert.deepEqual(cheapFirst([plans.not(early), late, name]), [late, name, plans.not(early)]);
});
