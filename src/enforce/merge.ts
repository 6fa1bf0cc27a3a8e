import type { Clause } from './clauses.ts';
import { either, type NumberSet, normalise } from './sets.ts';
import type { NumberDim, Pattern, StringDim } from './term.ts';

/** A clause with the rules it stands for. */
export interface OwnedClause {
  readonly clause: Clause;
  readonly rules: ReadonlySet<number>;
}

/**
 * Brings detection clauses below the cap. First by unions that lose nothing (clauses that differ in one dimension),
 * then by coarser unions that allow more: a merged clause holds wherever one of its parts does.
 */
export function mergeClauses(clauses: readonly OwnedClause[], cap: number): OwnedClause[] {
  let merged = joinClauses(clauses);
  if (merged.length > cap)
    merged = groupBy(merged, (c) => `${eventKey(c.clause)}|${c.clause.bits}|${shape(c.clause)}`, hull);
  if (merged.length > cap) merged = groupBy(merged, (c) => shape(c.clause), hull);
  if (merged.length > cap) merged = groupBy(merged, () => '', hull);
  return merged;
}

/** Unions that lose nothing: clauses that differ in one dimension become one. */
export function joinClauses(clauses: readonly OwnedClause[]): OwnedClause[] {
  let merged = groupBy(clauses, (c) => fullKey(c.clause), joinOwners);
  for (const dim of ['path', 'raw', 'comm', 'exe', 'addr6'] as const) merged = mergeStrings(merged, dim);
  for (const dim of ['daddr4', 'dport', 'uid'] as const) merged = mergeNumbers(merged, dim);
  merged = groupBy(merged, (c) => keyWithout(c.clause, 'events'), joinEvents);
  return groupBy(merged, (c) => keyWithout(c.clause, 'bits'), joinBits);
}

type Join = (a: OwnedClause, b: OwnedClause) => OwnedClause;

function groupBy(
  clauses: readonly OwnedClause[],
  key: (c: OwnedClause) => string,
  join: Join,
): OwnedClause[] {
  const groups = new Map<string, OwnedClause>();
  for (const c of clauses) {
    const k = key(c);
    const before = groups.get(k);
    groups.set(k, before === undefined ? c : join(before, c));
  }
  return [...groups.values()];
}

/** Clauses that differ only in their one requirement on `dim` become one with all patterns. */
function mergeStrings(clauses: readonly OwnedClause[], dim: StringDim): OwnedClause[] {
  const groups = new Map<string, { first: OwnedClause; patterns: Pattern[]; rules: Set<number> }>();
  const rest: OwnedClause[] = [];
  for (const owned of clauses) {
    const required = owned.clause.require.get(dim);
    if (required?.length !== 1) {
      rest.push(owned);
      continue;
    }
    const key = keyWithout(owned.clause, dim);
    const group = groups.get(key);
    if (group === undefined) {
      groups.set(key, { first: owned, patterns: [...(required[0] ?? [])], rules: new Set(owned.rules) });
    } else {
      for (const p of required[0] ?? []) group.patterns.push(p);
      for (const r of owned.rules) group.rules.add(r);
    }
  }
  for (const { first, patterns, rules } of groups.values()) {
    const require = new Map(first.clause.require).set(dim, [patterns]);
    rest.push({ clause: { ...first.clause, require }, rules });
  }
  return rest;
}

/** Clauses that differ only in the set of one number become one with the union. */
function mergeNumbers(clauses: readonly OwnedClause[], dim: NumberDim): OwnedClause[] {
  const groups = new Map<string, { first: OwnedClause; sets: NumberSet[]; rules: Set<number> }>();
  const rest: OwnedClause[] = [];
  for (const owned of clauses) {
    const set = owned.clause.numbers.get(dim);
    if (set === undefined) {
      rest.push(owned);
      continue;
    }
    const key = keyWithout(owned.clause, dim);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: owned, sets: [set], rules: new Set(owned.rules) });
    else {
      group.sets.push(set);
      for (const r of owned.rules) group.rules.add(r);
    }
  }
  for (const { first, sets, rules } of groups.values()) {
    const joined = { set: normalise(sets.flatMap((s) => s.set)), absent: sets.some((s) => s.absent) };
    rest.push({
      clause: { ...first.clause, numbers: new Map(first.clause.numbers).set(dim, joined) },
      rules,
    });
  }
  return rest;
}

const joinOwners: Join = (a, b) => ({ clause: a.clause, rules: new Set([...a.rules, ...b.rules]) });

const joinEvents: Join = (a, b) => ({
  clause: { ...a.clause, events: new Set([...a.clause.events, ...b.clause.events]) },
  rules: new Set([...a.rules, ...b.rules]),
});

const joinBits: Join = (a, b) => ({
  clause: { ...a.clause, bits: a.clause.bits | b.clause.bits },
  rules: new Set([...a.rules, ...b.rules]),
});

/** The smallest clause of this form that holds wherever either does. */
const hull: Join = (a, b) => {
  const require = new Map<StringDim, readonly (readonly Pattern[])[]>();
  for (const [dim, left] of a.clause.require) {
    const right = b.clause.require.get(dim);
    if (right !== undefined) require.set(dim, [[...(left[0] ?? []), ...(right[0] ?? [])]]);
  }
  const numbers = new Map<NumberDim, NumberSet>();
  for (const [dim, left] of a.clause.numbers) {
    const right = b.clause.numbers.get(dim);
    if (right !== undefined) numbers.set(dim, either(left, right));
  }
  return {
    clause: {
      events: new Set([...a.clause.events, ...b.clause.events]),
      bits: a.clause.bits | b.clause.bits,
      numbers,
      require,
      forbid: new Map(),
    },
    rules: new Set([...a.rules, ...b.rules]),
  };
};

function eventKey(c: Clause): string {
  return textOf(c.events, () => [...c.events].sort().join(','));
}

/** Texts of the parts of clauses: clauses share their parts, and each is compared many times. */
const texts = new WeakMap<object, string>();

function textOf(part: object, make: () => string): string {
  const known = texts.get(part);
  if (known !== undefined) return known;
  const text = make();
  texts.set(part, text);
  return text;
}

function mapKey(map: ReadonlyMap<string, object>, without: string | undefined): string {
  let text = '';
  for (const dim of [...map.keys()].sort()) {
    const value = map.get(dim);
    if (dim !== without && value !== undefined)
      text += `${dim}=${textOf(value, () => JSON.stringify(value))};`;
  }
  return text;
}

/** Which strings and numbers a clause speaks of. */
function shape(c: Clause): string {
  return `${[...c.require.keys()].sort()}|${[...c.numbers.keys()].sort()}`;
}

function fullKey(c: Clause): string {
  return keyWithout(c, undefined);
}

function keyWithout(c: Clause, part: StringDim | NumberDim | 'events' | 'bits' | undefined): string {
  const events = part === 'events' ? '' : eventKey(c);
  const bits = part === 'bits' ? '' : c.bits.toString(36);
  return `${events}|${bits}|${mapKey(c.numbers, part)}|${mapKey(c.require, part)}|${mapKey(c.forbid, undefined)}`;
}
