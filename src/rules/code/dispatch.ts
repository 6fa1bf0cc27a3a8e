/**
 * Large rule sets: rules that need a certain value (or a certain beginning of a value) are found by looking that value
 * up, so that an event's cost does not grow with the rules that it has nothing to do with.
 */
import type { ComparePlan, Operand, Plan } from '../check/plan.ts';
import type { Scalar, Value } from '../field-spec.ts';

/** Fewer rules than this are simply evaluated one after the other. */
export const DISPATCH_THRESHOLD = 64;
/** A rule is looked up only if its most common value is shared with fewer than one in this many rules. */
const SELECTIVITY = 4;
/** Parts of a condition that are looked at to find a selective one. */
const MAX_CONJUNCTS = 64;

export interface Group<E> {
  readonly operand: Operand<E>;
  /** The value is a key, or begins with one. */
  readonly kind: 'equal' | 'prefix';
  /** Indices of plans by value. */
  readonly buckets: ReadonlyMap<Scalar, readonly number[]>;
}

export interface DispatchPlan<E> {
  /** Indices of plans that must be evaluated for every event. */
  readonly linear: readonly number[];
  readonly groups: readonly Group<E>[];
}

interface Candidate<E> {
  readonly operand: Operand<E>;
  readonly kind: Group<E>['kind'];
  readonly values: readonly Scalar[];
}

/** Divides plans into those that can be looked up and those that cannot. */
export function planDispatch<E>(plans: readonly Plan<E>[], threshold = DISPATCH_THRESHOLD): DispatchPlan<E> {
  const all = plans.map((_, index) => index);
  if (plans.length < threshold) return { linear: all, groups: [] };
  const candidates = plans.map(candidatesOf);
  const counts = new Map<string, number>();
  for (const list of candidates) {
    for (const key of new Set(list.flatMap(keysOf))) counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const linear: number[] = [];
  const groups = new Map<
    string,
    { operand: Operand<E>; kind: Group<E>['kind']; buckets: Map<Scalar, number[]> }
  >();
  for (const index of all) {
    const best = mostSelective(candidates[index]!, counts, plans.length / SELECTIVITY);
    if (best === undefined) {
      linear.push(index);
      continue;
    }
    const key = `${best.kind} ${best.operand.key}`;
    let group = groups.get(key);
    if (group === undefined) {
      group = { operand: best.operand, kind: best.kind, buckets: new Map() };
      groups.set(key, group);
    }
    for (const value of best.values) {
      const bucket = group.buckets.get(value);
      if (bucket === undefined) group.buckets.set(value, [index]);
      else bucket.push(index);
    }
  }
  return { linear, groups: [...groups.values()] };
}

function mostSelective<E>(
  candidates: readonly Candidate<E>[],
  counts: ReadonlyMap<string, number>,
  limit: number,
): Candidate<E> | undefined {
  let best: Candidate<E> | undefined;
  let bestScore = limit;
  for (const candidate of candidates) {
    const score = Math.max(0, ...keysOf(candidate).map((key) => counts.get(key) ?? 0));
    if (score < bestScore) {
      best = candidate;
      bestScore = score;
    }
  }
  return best;
}

function keysOf<E>(candidate: Candidate<E>): string[] {
  return candidate.values.map(
    (value) => `${candidate.kind} ${candidate.operand.key} ${typeof value} ${value}`,
  );
}

/** Comparisons that must hold for the plan to hold, and that a lookup can answer. */
function candidatesOf<E>(plan: Plan<E>): Candidate<E>[] {
  const found: Candidate<E>[] = [];
  const open: Plan<E>[] = [plan];
  for (let seen = 0; open.length > 0 && seen < MAX_CONJUNCTS; seen++) {
    const next = open.pop()!;
    if (next.kind === 'and') open.push(...next.children);
    else if (next.kind === 'compare') {
      const candidate = candidateOf(next);
      if (candidate !== undefined) found.push(candidate);
    }
  }
  return found;
}

function candidateOf<E>(plan: ComparePlan<E>): Candidate<E> | undefined {
  const { operand, op, modifier } = plan;
  if (operand.list || operand.any !== undefined || operand.type === 'net' || plan.constants.length === 0) {
    return undefined;
  }
  if (modifier !== undefined && modifier !== 'anyof') return undefined;
  const values = [...new Set(plan.constants.map((constant) => constant.value as Scalar))];
  if (op === '=' || (modifier === undefined && (op === 'in' || op === 'intersects'))) {
    return { operand, kind: 'equal', values };
  }
  if (op !== 'startswith') return undefined;
  const texts = values.map(String);
  // A value has at most one of these as its beginning, so that it leads to a rule once.
  const shortest = texts.filter((text) => !texts.some((other) => other !== text && text.startsWith(other)));
  return shortest.includes('') ? undefined : { operand, kind: 'prefix', values: shortest };
}

/** A lookup in one group: calls `visit` for each plan that the value leads to. */
export function compileLookup(
  group: Pick<Group<unknown>, 'kind' | 'buckets'>,
): (value: Value | undefined, visit: (index: number) => void) => void {
  const { buckets } = group;
  if (group.kind === 'equal') {
    return (value, visit) => {
      const bucket = buckets.get(value as Scalar);
      if (bucket !== undefined) for (const index of bucket) visit(index);
    };
  }
  const lengths = [...new Set([...buckets.keys()].map((key) => String(key).length))].sort((a, b) => a - b);
  return (value, visit) => {
    if (typeof value !== 'string') return;
    for (const length of lengths) {
      if (length > value.length) return;
      const bucket = buckets.get(value.slice(0, length));
      if (bucket !== undefined) for (const index of bucket) visit(index);
    }
  };
}
