import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate as breathe } from 'node:timers/promises';
import { oneAtATime } from './latest.ts';

test('what changes while work is under way is seen by whoever asks then, with one more run for all of them', async () => {
  let content = 'old';
  let running = 0;
  let runs = 0;
  let finish = (): void => {};
  const load = oneAtATime(async () => {
    const seen = content;
    runs++;
    assert.equal(++running, 1);
    await new Promise<void>((resolve) => {
      finish = resolve;
    });
    running--;
    if (seen === 'broken') throw new Error(seen);
    return seen;
  });
  const first = [load(), load()];
  await breathe();
  content = 'broken';
  const second = [load(), load(), load()];
  finish();
  assert.deepEqual(await Promise.all(first), ['old', 'old']);
  await breathe();
  content = 'new';
  const third = load();
  finish();
  const refused = await Promise.allSettled(second);
  assert.deepEqual(
    refused.map(({ status }) => status),
    ['rejected', 'rejected', 'rejected'],
  );
  await breathe();
  finish();
  assert.equal(await third, 'new');
  assert.equal(runs, 3);
});
