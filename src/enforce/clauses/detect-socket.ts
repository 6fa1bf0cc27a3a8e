import { enumNames } from '../../sensors/events/flags.ts';
import { SOCKET_FAMILIES } from '../../sensors/events/names.ts';
import type { Check } from './condition.ts';
import { numberDecision, unknown } from './decision.ts';
import { complement, normalise, union } from './sets.ts';
import { type Decision, matches } from './term.ts';
import { textTest } from './text-patterns.ts';

/** What a new socket's family is called, by number. */
const FAMILIES = new Map(
  [...new Set(SOCKET_FAMILIES.map(([, n]) => n))].map((n) => [n, enumNames(SOCKET_FAMILIES, n)]),
);
const NAMED = normalise([...FAMILIES.keys()].map((n) => [n, n]));

/** Checks of the family that `socket` and `socketpair` are called with. Families without a name are left to user space. */
export function detectSocket(check: Check): Decision | undefined {
  if (check.arg !== 'domain') return undefined;
  if (check.field === 'evt.rawarg') return numberDecision('id', check);
  if (check.field !== 'evt.arg') return undefined;
  const test = textTest(check.op, check.values);
  if (test === undefined || test.strength !== 'exact')
    return unknown(`the kernel does not evaluate \`${check.op}\` on a family`);
  const holds = (text: string): boolean =>
    test.patterns.some((p) => matches(p, text)) !== (test.negated === true);
  const wanted = normalise([...FAMILIES].filter(([, text]) => holds(text)).map(([n]) => [n, n]));
  const set = { set: union(wanted, complement(NAMED)), absent: true };
  return { kind: 'terms', anyOf: [{ on: 'number', dim: 'id', set }], strength: 'necessary' };
}
