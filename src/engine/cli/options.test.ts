import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration, waitingTime } from './options.ts';

test('a time is above zero, or refused with the name of its option', () => {
  assert.equal(duration('--duration', undefined), undefined);
  assert.equal(duration('--duration', '90s'), 90_000);
  for (const text of ['soon', '', '5', '0s', '-1s'])
    assert.throws(() => duration('--ttl', text), {
      code: 'E_USAGE',
      exitCode: 2,
      message: `--ttl needs a time such as 30s, 5m or 1h, not "${text}"`,
    });
});

test('a time that no timer can wait is refused', () => {
  assert.equal(waitingTime('--duration', '24d'), 24 * 86_400_000);
  assert.throws(() => waitingTime('--duration', '30d'), { code: 'E_USAGE', message: /at most 24d/ });
});
