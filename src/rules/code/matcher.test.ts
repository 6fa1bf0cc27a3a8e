import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { asciiLower } from '../lang/bytes.ts';
import { compileMatcher } from './matcher.ts';

const byteString = (maxLength: number): fc.Arbitrary<string> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes).toString('latin1'));
const text = fc.oneof(
  byteString(6),
  fc
    .array(fc.constantFrom('a', 'A', 'k', 'K', 's', '.', '\\', '\xdf', '\xb5', '\xff'), { maxLength: 6 })
    .map((c) => c.join('')),
);

test('icontains disregards the case of ASCII letters and of nothing else', () => {
  fc.assert(
    fc.property(text, text, text, fc.boolean(), (before, needle, after, upper) => {
      const inside = upper ? needle.replace(/[a-z]/g, (c) => c.toUpperCase()) : needle;
      for (const value of [before + inside + after, before + after]) {
        const matches = compileMatcher('icontains', undefined, [{ value: needle, text: needle }]);
        assert.equal(matches(value), asciiLower(value).includes(asciiLower(needle)));
      }
    }),
  );
});

test('a search whose outcome is remembered for long texts finds the same as one that is not', () => {
  const long = fc.array(fc.constantFrom('a', 'b'), { minLength: 250, maxLength: 262 }).map((c) => c.join(''));
  fc.assert(
    fc.property(fc.array(long, { minLength: 1, maxLength: 3 }), fc.array(fc.nat(2)), (texts, order) => {
      for (const op of ['contains', 'icontains'] as const) {
        const needle = 'aabbab';
        const matches = compileMatcher(op, undefined, [{ value: needle, text: needle }]);
        for (const i of order) {
          const value = texts[i % texts.length]!;
          assert.equal(matches(value), value.includes(needle));
        }
      }
    }),
  );
});
