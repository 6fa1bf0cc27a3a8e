import type { Check, CheckValue } from './condition.ts';
import { complement, type Intervals, normalise, U32_MAX } from './sets.ts';
import { ALL_BITS, BIT, BIT_STATES, type Decision, type NumberDim, type StringDim } from './term.ts';
import { textTest } from './text-patterns.ts';

/**
 * What the literal is wanted for. `detect`: an event may not be hidden from a rule, so anything may be left to user
 * space. `deny`: the kernel must know the answer before the operation happens.
 */
export type Purpose = 'detect' | 'deny';

export const unknown = (reason: string, instead?: string): Decision =>
  instead === undefined ? { kind: 'unknown', reason } : { kind: 'unknown', reason, instead };

export const always = (value: boolean, note: string): Decision => ({ kind: 'const', value, note });

/** A table over the 64 states of the operation's bits. */
export function bits(test: (state: number) => boolean): bigint {
  let table = 0n;
  for (let s = 0; s < BIT_STATES; s++) if (test(s)) table |= 1n << BigInt(s);
  return table;
}

export function bitDecision(table: bigint, strength: 'exact' | 'necessary' = 'exact'): Decision {
  if (strength === 'exact' && table === 0n) return always(false, 'cannot be for this operation');
  if (strength === 'exact' && table === ALL_BITS) return always(true, 'always so for this operation');
  return { kind: 'terms', anyOf: [{ on: 'bits', table }], strength };
}

export function stringDecision(dim: StringDim, check: Check): Decision {
  // Matching by components is a prefix only of what is absolute and in its normal form.
  const test =
    check.op === 'pmatch' && dim !== 'path' && dim !== 'other' ? undefined : textTest(check.op, check.values);
  if (test === undefined)
    return unknown(`the kernel does not evaluate \`${check.op}\``, 'startswith, endswith, contains');
  return {
    kind: 'terms',
    anyOf: [{ on: 'string', dim, patterns: test.patterns }],
    strength: test.strength,
    negated: test.negated === true,
  };
}

/** The set of numbers that satisfy a numeric comparison; undefined where the operator is not numeric. */
export function numberSet(op: string, values: readonly CheckValue[]): Intervals | undefined {
  const v = values.map(Number);
  if (v.some((x) => !Number.isInteger(x))) return undefined;
  const first = v[0] ?? 0;
  switch (op) {
    case '=':
    case '==':
    case 'in':
    case 'intersects':
      return normalise(v.map((x) => [x, x] as const));
    case '!=':
      return complement(normalise([[first, first]]));
    case '<':
      return normalise([[0, first - 1]]);
    case '<=':
      return normalise([[0, first]]);
    case '>':
      return normalise([[first + 1, U32_MAX]]);
    case '>=':
      return normalise([[first, U32_MAX]]);
    default:
      return undefined;
  }
}

export function numberDecision(dim: NumberDim, check: Check): Decision {
  const set = numberSet(check.op, check.values);
  if (set === undefined) return unknown(`the kernel does not evaluate \`${check.op}\` on numbers`);
  return { kind: 'terms', anyOf: [{ on: 'number', dim, set: { set, absent: false } }], strength: 'exact' };
}

/** The truth of a signed comparison with the call's result, as far as its sign decides it. */
export function resultDecision(check: Check, purpose: Purpose): Decision {
  const v = check.values.map(Number);
  const first = v[0] ?? 0;
  const possible = (low: number, high: number): [some: boolean, all: boolean] => {
    switch (check.op) {
      case '=':
      case '==':
      case 'in':
      case 'intersects':
        return [v.some((x) => x >= low && x <= high), low === high && v.includes(low)];
      case '!=':
        return [true, first < low || first > high];
      case '<':
        return [low < first, high < first];
      case '<=':
        return [low <= first, high <= first];
      case '>':
        return [high > first, low > first];
      case '>=':
        return [high >= first, low >= first];
      default:
        return [true, check.op === 'exists'];
    }
  };
  const failed = possible(check.field === 'fd.num' ? -1 : -4095, -1);
  const fine = possible(0, 0x7fff_ffff);
  if (purpose === 'deny') {
    if (fine[1]) return always(true, 'taken as a call that would succeed');
    if (!fine[0]) return always(false, 'a call that would succeed has no such result');
    return unknown('the result is not known before the call', `${check.field} >= 0`);
  }
  const exact = failed[0] === failed[1] && fine[0] === fine[1];
  const table = bits((s) => ((s & BIT.ok) !== 0 ? fine[0] : failed[0]));
  return bitDecision(table, exact ? 'exact' : 'necessary');
}
