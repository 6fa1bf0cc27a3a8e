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

test('what a terminal acts on is written as an escape, and means the same', () => {
  const text = 'a\u001b[1m\u009b2J\u007f\u202egpj.exe\u2028\ufeff';
  const json = toJson({ [text]: [text] }, 2);
  assert.doesNotMatch(json, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028\ufeff]/);
  assert.deepEqual(JSON.parse(json), { [text]: [text] });
});
