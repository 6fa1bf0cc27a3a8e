import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Canary } from './canary.ts';

test('a canary that comes back says nothing, two that stay away in a row say it once, and so does the return', () => {
  const acts: string[] = [];
  const canary = new Canary('openat', (call) => acts.push(call));
  const tick = (comesBack: boolean) => {
    const change = canary.tick();
    if (comesBack) canary.saw();
    return change;
  };
  assert.deepEqual([tick(true), tick(false), tick(true), tick(true)], Array(4).fill(undefined));
  assert.deepEqual(
    [tick(false), tick(false), tick(false), tick(true), tick(true)],
    [undefined, undefined, 'missing', undefined, 'back'],
  );
  assert.equal(acts.length, 9);
  assert.deepEqual(canary.state(), { ok: true, call: 'openat', sent: 9, seen: 5 });
});

test('without a call to make nothing is claimed and nothing raised', () => {
  const canary = new Canary(undefined, () => assert.fail('no act'));
  assert.deepEqual([canary.tick(), canary.tick(), canary.tick()], [undefined, undefined, undefined]);
  assert.equal(canary.state().sent, 0);
});

test('a reload to other calls does not count what was under way', () => {
  const canary = new Canary('openat', () => {});
  canary.tick();
  canary.tick();
  canary.use('connect');
  assert.equal(canary.tick(), undefined);
});
