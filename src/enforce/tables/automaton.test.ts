import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matches, type Pattern, type PatternAt } from '../clauses/term.ts';
import { buildAutomaton, scan } from './automaton.ts';

const AT: PatternAt[] = ['exact', 'prefix', 'suffix', 'contains', 'dir'];

/** Each pattern is one bit, so joining outputs is a bitwise or. */
function found(patterns: readonly Pattern[], text: string): number {
  const automaton = buildAutomaton(
    patterns.map((pattern, i) => ({ pattern, output: 1 << i })),
    (a, b) => a | b,
    100_000,
  );
  let bits = 0;
  scan(automaton, text, (output) => {
    bits |= output;
  });
  return bits;
}

const letters = fc
  .array(fc.constantFrom('/', 'a', 'b', '.', '\xff'), { maxLength: 12 })
  .map((c) => c.join(''));
const pattern = fc.record({ at: fc.constantFrom(...AT), text: letters });

test('the automaton finds exactly the patterns that hold', () => {
  fc.assert(
    fc.property(fc.array(pattern, { maxLength: 12 }), letters, (patterns, text) => {
      let expected = 0;
      patterns.forEach((p, i) => {
        if (matches(p, text)) expected |= 1 << i;
      });
      assert.equal(found(patterns, text), expected);
    }),
    { numRuns: 2000 },
  );
});

test('a text that uses all byte values keeps them apart', () => {
  const all = String.fromCharCode(...Array.from({ length: 256 }, (_, i) => i));
  assert.equal(
    found(
      [
        { at: 'contains', text: all },
        { at: 'suffix', text: '\xff' },
      ],
      all,
    ),
    3,
  );
  assert.equal(found([{ at: 'contains', text: '\x00' }], '\xff'), 0);
});

test('an automaton over the limit is refused', () => {
  const entries = [{ pattern: { at: 'contains', text: 'abcdef' } as const, output: 1 }];
  assert.throws(() => buildAutomaton(entries, (a, b) => a | b, 4), RangeError);
});
