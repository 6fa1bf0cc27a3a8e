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
  const keys = new Keys();
  let merged = joinClauses(clauses, keys);
  if (merged.length > cap)
    merged = groupBy(merged, (c) => `${keys.events(c.clause)}|${c.clause.bits}|${shape(c.clause)}`, hull);
  if (merged.length > cap) merged = groupBy(merged, (c) => shape(c.clause), hull);
  if (merged.length > cap) merged = groupBy(merged, () => '', hull);
  return merged;
}

/** Unions that lose nothing: clauses that differ in one dimension become one. */
export function joinClauses(clauses: readonly OwnedClause[], keys = new Keys()): OwnedClause[] {
  let merged = groupBy(clauses, (c) => keys.without(c.clause, undefined), joinOwners);
  for (const dim of ['path', 'raw', 'comm', 'exe', 'addr6'] as const)
    merged = mergeStrings(merged, dim, keys);
  for (const dim of ['daddr4', 'dport', 'uid'] as const) merged = mergeNumbers(merged, dim, keys);
  merged = groupBy(merged, (c) => keys.without(c.clause, 'events'), joinEvents);
  return groupBy(merged, (c) => keys.without(c.clause, 'bits'), joinBits);
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
function mergeStrings(clauses: readonly OwnedClause[], dim: StringDim, keys: Keys): OwnedClause[] {
  const groups = new Map<string, { first: OwnedClause; patterns: Pattern[]; rules: Set<number> }>();
  const rest: OwnedClause[] = [];
  for (const owned of clauses) {
    const required = owned.clause.require.get(dim);
    if (required?.length !== 1) {
      rest.push(owned);
      continue;
    }
    const key = keys.without(owned.clause, dim);
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
function mergeNumbers(clauses: readonly OwnedClause[], dim: NumberDim, keys: Keys): OwnedClause[] {
  const groups = new Map<string, { first: OwnedClause; sets: NumberSet[]; rules: Set<number> }>();
  const rest: OwnedClause[] = [];
  for (const owned of clauses) {
    const set = owned.clause.numbers.get(dim);
    if (set === undefined) {
      rest.push(owned);
      continue;
    }
    const key = keys.without(owned.clause, dim);
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

/** Which strings and numbers a clause speaks of. */
function shape(c: Clause): string {
  return `${[...c.require.keys()].sort()}|${[...c.numbers.keys()].sort()}`;
}

/** Short keys of clauses. Clauses share their parts, and each is compared many times: a part becomes a number once. */
class Keys {
  readonly #numbers = new Map<string, number>();
  readonly #known = new Map<object, number>();

  events(c: Clause): number {
    return this.#number(c.events, () => [...c.events].sort().join(','));
  }

  /** The same for two clauses that differ at most in this part. */
  without(c: Clause, part: StringDim | NumberDim | 'events' | 'bits' | undefined): string {
    const events = part === 'events' ? '' : this.events(c);
    const bits = part === 'bits' ? '' : c.bits.toString(36);
    return `${events}|${bits}|${this.#map(c.numbers, part)}|${this.#map(c.require, part)}|${this.#map(c.forbid, undefined)}`;
  }

  #number(part: object, make: () => string): number {
    const known = this.#known.get(part);
    if (known !== undefined) return known;
    const text = make();
    const number = this.#numbers.get(text) ?? this.#numbers.size;
    this.#numbers.set(text, number);
    this.#known.set(part, number);
    return number;
  }

  #map(map: ReadonlyMap<string, object>, without: string | undefined): string {
    let key = '';
    for (const dim of [...map.keys()].sort()) {
      const value = map.get(dim);
      if (dim !== without && value !== undefined)
        key += `${dim}${this.#number(value, () => JSON.stringify(value))};`;
    }
    return key;
  }
}
