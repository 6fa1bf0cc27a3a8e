import type { Clause } from '../clauses/clauses.ts';
import type { Pattern, StringDim } from '../clauses/term.ts';
import { buildAutomaton, type Entry } from './automaton.ts';
import { laneOutput, noLanes, type OutputPool } from './output-pool.ts';
import { ALL_CLAUSES, LIMITS, type Mask, type StringTable } from './tables.ts';

export interface StringTableInput {
  readonly dim: StringDim;
  readonly clauses: readonly Clause[];
  /** Clauses (by index) that may not be widened: the denying ones. */
  readonly strict: (index: number) => boolean;
}

/** Ways to write a path that is not in its normal form: seen by the automaton itself, so it costs nothing extra. */
const IRREGULAR: Readonly<Partial<Record<StringDim, readonly Pattern[]>>> = {
  path: [
    ...['//', '/./', '/../'].map((text): Pattern => ({ at: 'contains', text })),
    ...['/', '/.', '/..'].map((text): Pattern => ({ at: 'suffix', text })),
  ],
  // User space takes doubled slashes out of the raw name.
  raw: [{ at: 'contains', text: '//' }],
};

/**
 * The table of one string of one operation; undefined if no clause looks at it. `length` caps the patterns: a longer
 * one is cut to a part that it implies, so the table stays small and only passes more.
 */
export function stringTable(
  input: StringTableInput,
  pool: OutputPool,
  length: number,
): StringTable | undefined {
  const entries: Entry[] = [];
  const base = noLanes().map(() => ALL_CLAUSES);
  let care: Mask = 0n;
  input.clauses.forEach((clause, index) => {
    const bit = 1n << BigInt(index);
    const strict = input.strict(index);
    const required = bestLanes(clause.require.get(input.dim) ?? []);
    required.forEach((patterns, lane) => {
      care |= bit;
      base[lane] = (base[lane] as Mask) & ~bit;
      const output = pool.intern(laneOutput(lane, index));
      for (const p of patterns) entries.push({ pattern: strict ? p : shorten(p, length), output });
    });
    const forbidden = clause.forbid.get(input.dim) ?? [];
    const forbid = pool.intern({ lanes: noLanes(), forbid: bit, irregular: false });
    for (const p of forbidden) {
      if (!strict && p.text.length > length) continue;
      care |= bit;
      entries.push({ pattern: p, output: forbid });
    }
  });
  if (care === 0n) return undefined;
  const flag = pool.intern({ lanes: noLanes(), forbid: 0n, irregular: true });
  for (const pattern of IRREGULAR[input.dim] ?? []) entries.push({ pattern, output: flag });
  return { automaton: buildAutomaton(entries, pool.join, LIMITS.tableWords), base, care };
}

/** The most selective requirements; the rest of a detecting clause is left to user space. */
function bestLanes(required: readonly (readonly Pattern[])[]): readonly (readonly Pattern[])[] {
  if (required.length <= LIMITS.lanes) return required;
  const shortest = (patterns: readonly Pattern[]): number => Math.min(...patterns.map((p) => p.text.length));
  return [...required].sort((a, b) => shortest(b) - shortest(a)).slice(0, LIMITS.lanes);
}

/** A shorter pattern that holds wherever this one does. */
function shorten(p: Pattern, length: number): Pattern {
  if (p.text.length <= length) return p;
  if (p.at === 'suffix') return { at: 'suffix', text: p.text.slice(-length) };
  return { at: p.at === 'contains' ? 'contains' : 'prefix', text: p.text.slice(0, length) };
}
