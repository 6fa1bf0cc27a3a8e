import type { Clause } from '../clauses/clauses.ts';
import { contains } from '../clauses/sets.ts';
import type { NumberDim } from '../clauses/term.ts';
import { ALL_CLAUSES, type Mask, type NumberTable } from './tables.ts';

/** The masks of one number for all clauses of an operation; undefined if no clause looks at it. */
export function numberTable(clauses: readonly Clause[], dim: NumberDim): NumberTable | undefined {
  const looking = clauses.flatMap((clause, index) => {
    const set = clause.numbers.get(dim);
    return set === undefined ? [] : [{ bit: 1n << BigInt(index), set }];
  });
  if (looking.length === 0) return undefined;
  const starts = new Map<number, { on: Mask; off: Mask }>([[0, { on: 0n, off: 0n }]]);
  const edge = (at: number): { on: Mask; off: Mask } => {
    const known = starts.get(at) ?? { on: 0n, off: 0n };
    starts.set(at, known);
    return known;
  };
  let current: Mask = ALL_CLAUSES;
  let absent: Mask = ALL_CLAUSES;
  for (const { bit, set } of looking) {
    current &= ~bit;
    if (!set.absent) absent &= ~bit;
    for (const [from, to] of set.set) {
      edge(from).on |= bit;
      if (to < 0xffff_ffff) edge(to + 1).off |= bit;
    }
    if (contains(set.set, 0)) edge(0).on |= bit;
  }
  const breaks = [...starts.keys()].sort((a, b) => a - b);
  const masks = breaks.map((at) => {
    const { on, off } = edge(at);
    current = (current & ~off) | on;
    return current;
  });
  return { breaks, masks, absent };
}
