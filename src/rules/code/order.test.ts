import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Event } from '../../engine/enrich/event.ts';
import { Interner, type Operand, type Plan } from '../check/plan.ts';
import { FIELDS } from '../fields/index.ts';
import { cheapFirst } from './order.ts';

const plans = new Interner<Event>();
const asks = (key: string): Plan<Event> => {
  const spec = FIELDS.find((field) => field.name === key.replace(/\[.*|\.flags$/, ''));
  return plans.exists({ kind: 'field', key, ref: { spec } } as Operand<Event>);
};
const [name, flags, ancestor, args] = ['fd.name', 'evt.arg.flags', 'proc.aname[2]', 'proc.args'].map(
  asks,
) as [Plan<Event>, Plan<Event>, Plan<Event>, Plan<Event>];

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
