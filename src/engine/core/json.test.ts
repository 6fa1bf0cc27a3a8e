import assert from 'node:assert/strict';
import { test } from 'node:test';
import { toJson } from './json.ts';

test('64-bit numbers are written with all their digits, and no text can pass for one', () => {
  assert.equal(toJson({ t: 1785492930000000123n, n: -5n }), '{"t":1785492930000000123,"n":-5}');
  assert.equal(
    toJson(['big:1', '\u0000big', '"\u0000big:7"']),
    JSON.stringify(['big:1', '\u0000big', '"\u0000big:7"']),
  );
});
