/** Comparison of one value with constants, as a closure: what generated code calls where it does not inline. */

import type { Network } from '../../engine/core/address.ts';
import type { Constant, PlanOp } from '../check/plan.ts';
import type { Scalar } from '../field-spec.ts';
import { asciiLower } from '../lang/bytes.ts';
import type { Modifier } from '../lang/operators.ts';
import { compileGlob } from '../match/glob.ts';
import { compileNetworks } from '../match/networks.ts';
import { compilePaths } from '../match/paths.ts';
import { compileRegex } from '../match/regex.ts';
import { remembering } from './runtime.ts';

export type Matcher = (value: Scalar) => boolean;

/** Lists longer than this are looked up in a set, prefixes and suffixes in sets by length. */
export const INLINE_LIMIT = 4;

/** The test `value op constants` for one scalar value. */
export function compileMatcher(
  op: PlanOp,
  modifier: Modifier | undefined,
  constants: readonly Constant[],
): Matcher {
  if (modifier === undefined) return compilePlain(op, constants);
  if (constants.length === 0) return () => false;
  if (modifier === 'anyof') {
    const grouped = compileAny(op, constants);
    if (grouped !== undefined) return grouped;
  }
  const tests = constants.map((constant) => compilePlain(op, [constant]));
  if (modifier === 'anyof') return (value) => tests.some((test) => test(value));
  if (modifier === 'allof') return (value) => tests.every((test) => test(value));
  return (value) => {
    let count = 0;
    for (const test of tests) if (test(value) && ++count > 1) return false;
    return count === 1;
  };
}

function compilePlain(op: PlanOp, constants: readonly Constant[]): Matcher {
  const first = constants[0]?.value;
  if (constants.some((constant) => isNetwork(constant.value))) return compileNetworkTest(op, constants);
  if (op === 'pmatch') return asText(compilePaths(constants.map((constant) => String(constant.value))));
  if (op === 'in' || op === 'intersects' || op === '=') return compileIn(constants);
  if (op === '!=') {
    const equal = compileIn(constants);
    return (value) => !equal(value);
  }
  if (first === undefined) return () => false;
  return compileBinary(op, first as Scalar);
}

/** A test against one constant. */
function compileBinary(op: PlanOp, x: Scalar): Matcher {
  const text = String(x);
  switch (op) {
    case '<':
      return (v) => v < x;
    case '<=':
      return (v) => v <= x;
    case '>':
      return (v) => v > x;
    case '>=':
      return (v) => v >= x;
    case 'contains':
    case 'bcontains':
      return asText(remembering((v) => v.includes(text)));
    case 'icontains':
      return asText(remembering(compileIcontains(text)));
    case 'startswith':
    case 'bstartswith':
      return asText((v) => v.startsWith(text));
    case 'endswith':
      return asText((v) => v.endsWith(text));
    case 'glob':
      return asText(compileGlob(text));
    case 'iglob':
      return asText(compileGlob(text, true));
    case 'regex': {
      const compiled = compileRegex(text);
      return compiled.ok ? asText(compiled.matches) : () => false;
    }
    default:
      return (v) => v === x;
  }
}

function compileIn(constants: readonly Constant[]): Matcher {
  const values = constants.map((constant) => constant.value as Scalar);
  if (values.length === 1) {
    const [only] = values;
    return (value) => value === only;
  }
  const set = new Set(values);
  return (value) => set.has(value);
}

function compileNetworkTest(op: PlanOp, constants: readonly Constant[]): Matcher {
  const inside = compileNetworks(constants.map((constant) => constant.value as Network));
  return op === '!=' ? (value) => !inside(value as string) : (value) => inside(value as string);
}

function compileIcontains(text: string): (value: string) => boolean {
  const needle = asciiLower(text);
  // For an ASCII needle the engine's own search without regard to case is the same, and copies nothing.
  if (/^[\0-\x7f]*$/.test(needle)) {
    const found = new RegExp(
      needle.replace(/[^a-z0-9]/g, (c) => `\\x${c.charCodeAt(0).toString(16).padStart(2, '0')}`),
      'i',
    );
    return (v) => v.length >= needle.length && found.test(v);
  }
  return (v) => asciiLower(v).includes(needle);
}

/** `anyof` on operators that can be answered for many constants at once. */
function compileAny(op: PlanOp, constants: readonly Constant[]): Matcher | undefined {
  const texts = constants.map((constant) => String(constant.value));
  if (op === '=' && !constants.some((constant) => isNetwork(constant.value))) return compileIn(constants);
  if (texts.length <= INLINE_LIMIT || (op !== 'startswith' && op !== 'endswith')) return undefined;
  const byLength = new Map<number, Set<string>>();
  for (const text of texts) {
    const group = byLength.get(text.length);
    if (group === undefined) byLength.set(text.length, new Set([text]));
    else group.add(text);
  }
  const groups = [...byLength];
  if (op === 'startswith') {
    return asText((v) => groups.some(([length, set]) => length <= v.length && set.has(v.slice(0, length))));
  }
  return asText((v) =>
    groups.some(([length, set]) => length <= v.length && set.has(v.slice(v.length - length))),
  );
}

function asText(test: (value: string) => boolean): Matcher {
  return test as Matcher;
}

function isNetwork(value: Scalar | Network): value is Network {
  return typeof value === 'object';
}
