import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BootClock, bootNow, localStamp, secondsText } from './clock.ts';

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

test('a moment has its zone, a span is as short as C writes it', (t) => {
  const zone = process.env.TZ;
  t.after(() => {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  });
  const moment = 1_663_687_647_000_000_012n;
  for (const [name, text] of [
    ['UTC', '2022-09-20 15:27:27.000000012 +0000'],
    ['Asia/Kolkata', '2022-09-20 20:57:27.000000012 +0530'],
    ['America/St_Johns', '2022-09-20 12:57:27.000000012 -0230'],
  ] as const) {
    process.env.TZ = name;
    assert.equal(localStamp(moment), text);
  }
  const spans: [number, string][] = [
    [0, '0s'],
    [1, '1e-09s'],
    [12_345, '1.2345e-05s'],
    [100_000, '0.0001s'],
    [500_000_000, '0.5s'],
    [1_000_000_002, '1s'],
    [20_000_000_000, '20s'],
    [999_999_600_000_000, '1e+06s'],
    [123_456_000_000_000, '123456s'],
  ];
  for (const [ns, text] of spans) assert.equal(secondsText(ns), text);
});
