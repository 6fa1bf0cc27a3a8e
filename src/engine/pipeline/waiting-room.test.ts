import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Outcome, WaitingRoom } from './waiting-room.ts';

function room(capacity: number) {
  const out: [string, Outcome][] = [];
  const clock = { now: 0 };
  const waiting = new WaitingRoom<string, string>(
    { capacity, waitMs: 100, now: () => clock.now },
    (item, outcome) => out.push([item, outcome]),
  );
  return { waiting, out, clock };
}

test('what waits goes on when its metadata has come, and only that', () => {
  const { waiting, out } = room(10);
  waiting.enter('a', 'x');
  waiting.enter('b', 'y');
  waiting.enter('c', 'x');
  waiting.settled('x');
  assert.deepEqual(out, [
    ['a', 'settled'],
    ['c', 'settled'],
  ]);
  assert.equal(waiting.size, 1);
  waiting.flush();
});

test('what waits too long goes on without, in order, and the rest stays', () => {
  const { waiting, out, clock } = room(10);
  waiting.enter('a', 'x');
  clock.now = 60;
  waiting.enter('b', 'x');
  clock.now = 100;
  waiting.expire();
  assert.deepEqual(out, [['a', 'timeout']]);
  waiting.flush();
  assert.deepEqual(out.at(-1), ['b', 'timeout']);
});

test('a full room lets the oldest go; a room of size 0 holds nothing', () => {
  const { waiting, out } = room(1);
  waiting.enter('a', 'x');
  waiting.enter('b', 'x');
  assert.deepEqual(out, [['a', 'full']]);
  assert.equal(waiting.size, 1);
  waiting.flush();
  const none = room(0);
  none.waiting.enter('c', 'x');
  assert.deepEqual(none.out, [['c', 'full']]);
});

test('time is kept by a timer of its own', async () => {
  const out: string[] = [];
  const waiting = new WaitingRoom<string, string>({ capacity: 4, waitMs: 20 }, (item) => out.push(item));
  waiting.enter('a', 'x');
  await new Promise((resolve) => setTimeout(resolve, 60));
  assert.deepEqual(out, ['a']);
});
