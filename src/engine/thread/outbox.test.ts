import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Alert } from '../core/alert.ts';
import { Outbox } from './outbox.ts';

const MOST = 100;
const of = (rule: string, count: number): Alert[] => Array.from({ length: count }, () => ({ rule }) as Alert);

function box(start = 0) {
  const taken = new Int32Array([start]);
  const posted: Alert[] = [];
  const outbox = new Outbox(taken, (alerts) => posted.push(...alerts), MOST);
  return { taken, posted, outbox };
}

test('while the main thread keeps up, everything passes', () => {
  const { taken, posted, outbox } = box();
  for (let n = 0; n < 50; n++) {
    outbox.send(of('noisy', 40));
    Atomics.add(taken, 0, 40);
  }
  assert.deepEqual([posted.length, outbox.takeDropped()], [2000, 0]);
});

test('when it does not, the rule that floods is cut and counted, others pass', () => {
  const { taken, posted, outbox } = box();
  for (let n = 0; n < 50; n++) outbox.send(of('noisy', 40));
  assert.deepEqual([posted.length, outbox.takeDropped(), outbox.takeDropped()], [MOST, 2000 - MOST, 0]);
  outbox.send([...of('noisy', 1), ...of('rare', 3)]);
  assert.deepEqual([posted.length, outbox.takeDropped()], [MOST + 3, 1]);
  Atomics.add(taken, 0, MOST + 3);
  outbox.send(of('noisy', 5));
  assert.deepEqual([posted.length, outbox.takeDropped()], [MOST + 8, 0]);
});

test('many rules together do not fill the memory either', () => {
  const { posted, outbox } = box();
  for (let n = 0; n < 1000; n++) outbox.send(of(`rule ${n}`, 5));
  assert.deepEqual([posted.length, outbox.takeDropped()], [2 * MOST, 5000 - 2 * MOST]);
});

test('the counts may wrap around', () => {
  const taken = new Int32Array([0]);
  let posted = 0;
  const outbox = new Outbox(
    taken,
    (alerts) => {
      posted += alerts.length;
    },
    1 << 30,
  );
  const many = { length: 0x7fff_fff0, filter: () => ({ length: 0x7fff_fff0 }) } as unknown as Alert[];
  outbox.send(many);
  Atomics.add(taken, 0, 0x7fff_fff0);
  outbox.send(of('x', 100));
  Atomics.add(taken, 0, 100);
  outbox.send(of('x', 3));
  assert.equal(posted, 0x7fff_fff0 + 103);
  assert.equal(outbox.takeDropped(), 0);
});
