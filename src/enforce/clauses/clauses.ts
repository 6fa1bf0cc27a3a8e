import type { Formula } from './formula.ts';
import { ANY_NUMBER, both, either, invert, isEmpty, type NumberSet } from './sets.ts';
import { ALL_BITS, type NumberDim, type Pattern, type StringDim } from './term.ts';

/** A conjunction of kernel tests. Absent members do not restrict. */
export interface Clause {
  readonly events: ReadonlySet<string>;
  readonly bits: bigint;
  readonly numbers: ReadonlyMap<NumberDim, NumberSet>;
  /** Each element must hold; an element holds if one of its patterns does. */
  readonly require: ReadonlyMap<StringDim, readonly (readonly Pattern[])[]>;
  /** None of these patterns may hold. */
  readonly forbid: ReadonlyMap<StringDim, readonly Pattern[]>;
}

export interface ClauseList {
  readonly clauses: readonly Clause[];
  /** The clauses mean exactly the formula; otherwise they allow more. */
  readonly exact: boolean;
}

export function anything(events: ReadonlySet<string>): Clause {
  return { events, bits: ALL_BITS, numbers: new Map(), require: new Map(), forbid: new Map() };
}

/**
 * The disjunctive form of a formula. Where it would need more than `cap` clauses, conjuncts are left out,
 * the widest first, and the result allows more than the formula.
 */
export function toClauses(formula: Formula, events: ReadonlySet<string>, cap: number): ClauseList {
  const all = anything(events);
  switch (formula.kind) {
    case 'true':
      return { clauses: [all], exact: true };
    case 'false':
      return { clauses: [], exact: true };
    case 'literal':
      return { clauses: literalClause(formula, all), exact: true };
    case 'or': {
      const lists = joinLiterals(formula.items).map((f) => toClauses(f, events, cap));
      const clauses = lists.flatMap((l) => l.clauses);
      if (clauses.length > cap) return { clauses: [all], exact: false };
      return { clauses, exact: lists.every((l) => l.exact) };
    }
    case 'and': {
      const lists = formula.items.map((f) => toClauses(f, events, cap));
      lists.sort((a, b) => a.clauses.length - b.clauses.length);
      let product: readonly Clause[] = [all];
      let exact = true;
      for (const list of lists) {
        exact &&= list.exact;
        if (product.length * list.clauses.length > cap) exact = false;
        else product = product.flatMap((a) => list.clauses.flatMap((b) => conjoin(a, b)));
      }
      return { clauses: product, exact };
    }
  }
}

function literalClause(literal: Formula & { kind: 'literal' }, all: Clause): Clause[] {
  const { term, negated } = literal;
  switch (term.on) {
    case 'event': {
      const events = new Set([...all.events].filter((e) => term.names.has(e) !== negated));
      return events.size === 0 ? [] : [{ ...all, events }];
    }
    case 'bits': {
      const table = negated ? ALL_BITS & ~term.table : term.table;
      return table === 0n ? [] : [{ ...all, bits: table }];
    }
    case 'number': {
      const set = negated ? invert(term.set) : term.set;
      return isEmpty(set) ? [] : [{ ...all, numbers: new Map([[term.dim, set]]) }];
    }
    case 'string':
      if (negated) return [{ ...all, forbid: new Map([[term.dim, term.patterns]]) }];
      return term.patterns.length === 0 ? [] : [{ ...all, require: new Map([[term.dim, [term.patterns]]]) }];
  }
}

/** Operands of a disjunction on the same dimension become one operand, which keeps the product small. */
function joinLiterals(items: readonly Formula[]): Formula[] {
  const rest: Formula[] = [];
  const strings = new Map<StringDim, Pattern[]>();
  const numbers = new Map<NumberDim, NumberSet>();
  let table = 0n;
  for (const item of items) {
    if (item.kind !== 'literal') rest.push(item);
    else if (item.term.on === 'string' && !item.negated) {
      strings.set(item.term.dim, [...(strings.get(item.term.dim) ?? []), ...item.term.patterns]);
    } else if (item.term.on === 'number') {
      const set = item.negated ? invert(item.term.set) : item.term.set;
      const before = numbers.get(item.term.dim);
      numbers.set(item.term.dim, before === undefined ? set : either(before, set));
    } else if (item.term.on === 'bits') table |= item.negated ? ALL_BITS & ~item.term.table : item.term.table;
    else rest.push(item);
  }
  if (table !== 0n) rest.push({ kind: 'literal', term: { on: 'bits', table }, negated: false });
  for (const [dim, patterns] of strings) {
    rest.push({ kind: 'literal', term: { on: 'string', dim, patterns }, negated: false });
  }
  for (const [dim, set] of numbers)
    rest.push({ kind: 'literal', term: { on: 'number', dim, set }, negated: false });
  return rest;
}

/** Both at once; nothing if they contradict each other. */
export function conjoin(a: Clause, b: Clause): Clause[] {
  const events = new Set([...a.events].filter((e) => b.events.has(e)));
  const table = a.bits & b.bits;
  if (events.size === 0 || table === 0n) return [];
  const numbers = new Map(a.numbers);
  for (const [dim, set] of b.numbers) {
    const joined = both(numbers.get(dim) ?? ANY_NUMBER, set);
    if (isEmpty(joined)) return [];
    numbers.set(dim, joined);
  }
  return [
    {
      events,
      bits: table,
      numbers,
      require: concatMaps(a.require, b.require),
      forbid: concatMaps(a.forbid, b.forbid),
    },
  ];
}

function concatMaps<K, V>(
  a: ReadonlyMap<K, readonly V[]>,
  b: ReadonlyMap<K, readonly V[]>,
): Map<K, readonly V[]> {
  const out = new Map(a);
  for (const [key, values] of b) {
    const before = out.get(key);
    // Shared where it can be: whoever compares clauses knows a part again.
    out.set(key, before === undefined ? values : [...before, ...values]);
  }
  return out;
}
