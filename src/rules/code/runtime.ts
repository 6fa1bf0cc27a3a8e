/** What generated code calls: tests over several values. */

import type { FieldsPlan } from '../check/plan.ts';
import type { Scalar, Value } from '../field-spec.ts';
import { asciiLower } from '../lang/bytes.ts';
import { compileGlob } from '../match/glob.ts';
import type { Matcher } from './matcher.ts';

/** From this length on the outcome of a search is remembered: such texts are mostly the same again (environments). */
export const LONG_TEXT = 256;

/** A search that is done once for the same long text in a row. */
export function remembering(search: (text: string) => boolean): (text: string) => boolean {
  let last = '';
  let found = false;
  return (text) => {
    if (text.length < LONG_TEXT) return search(text);
    if (text !== last) {
      found = search(text);
      last = text;
    }
    return found;
  };
}

/** One candidate satisfies the test. */
export function someValue(values: Value | undefined, test: Matcher): boolean {
  if (values === undefined) return false;
  if (!Array.isArray(values)) return test(values as Scalar);
  for (const value of values as readonly Scalar[]) if (test(value)) return true;
  return false;
}

/** All candidates satisfy the test, and there is one. */
export function everyCandidate(values: Value | undefined, test: Matcher): boolean {
  return everyElement(values, test) && !(Array.isArray(values) && values.length === 0);
}

/** All elements satisfy the test; true for an empty list. */
export function everyElement(values: Value | undefined, test: Matcher): boolean {
  if (values === undefined) return false;
  if (!Array.isArray(values)) return test(values as Scalar);
  for (const value of values as readonly Scalar[]) if (!test(value)) return false;
  return true;
}

/** A field compared with a field; false if one is missing. */
export function compareFields<E>(
  plan: Pick<FieldsPlan<E>, 'op' | 'left'>,
  left: Value | undefined,
  right: Value | undefined,
): boolean {
  if (left === undefined || right === undefined) return false;
  const { op } = plan;
  if (op === 'in' || op === 'intersects') {
    const set = new Set<Scalar>(Array.isArray(right) ? right : [right as Scalar]);
    const has: Matcher = (value) => set.has(value);
    return plan.left.list && op === 'in' ? everyElement(left, has) : someValue(left, has);
  }
  const test: Matcher = (value) => compareScalars(op, value, right as Scalar);
  if (op === '!=' && plan.left.any?.notEqual === 'every') return everyCandidate(left, test);
  return someValue(left, test);
}

function compareScalars(op: FieldsPlan<unknown>['op'], left: Scalar, right: Scalar): boolean {
  switch (op) {
    case '=':
      return left === right;
    case '!=':
      return left !== right;
    case '<':
      return left < right;
    case '<=':
      return left <= right;
    case '>':
      return left > right;
    case '>=':
      return left >= right;
    case 'contains':
    case 'bcontains':
      return String(left).includes(String(right));
    case 'icontains':
      return asciiLower(String(left)).includes(asciiLower(String(right)));
    case 'startswith':
    case 'bstartswith':
      return String(left).startsWith(String(right));
    case 'endswith':
      return String(left).endsWith(String(right));
    case 'glob':
      return compileGlob(String(right))(String(left));
    case 'iglob':
      return compileGlob(String(right), true)(String(left));
    default:
      return false;
  }
}
