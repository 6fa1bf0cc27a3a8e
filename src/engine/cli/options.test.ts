import assert from 'node:assert/strict';
import { test } from 'node:test';
import { duration } from './options.ts';

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
