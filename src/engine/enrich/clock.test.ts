import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootClock, bootNow } from './clock.ts';

test('time that the machine slept belongs to the boot clock; the coarseness of /proc/uptime does not', () => {
  assert.equal(bootNow(5_000_000_000n, '5.00 9.00'), 5_000_000_000n);
  assert.equal(bootNow(5_004_000_000n, '5.00 9.00'), 5_004_000_000n);
  assert.equal(bootNow(5_000_000_000n, '3605.00 9.00'), 3_605_000_000_000n);
});

test('a wall clock that was set is followed within seconds, and not asked for each event', (t) => {
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  let offset = 1000n;
  let asked = 0;
  const clock = new BootClock(() => {
    asked++;
    return offset;
  });
  assert.equal(clock.toEpoch(5), 1005n);
  offset = -2000n;
  now = 5000;
  assert.equal(clock.toEpoch(5), 1005n);
  now = 11_000;
  assert.equal(clock.toEpoch(5), -1995n);
  assert.equal(asked, 2);
});
