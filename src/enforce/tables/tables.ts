import { RF_LIMIT } from '../../sensors/record/layout.gen.ts';
import type { Clause } from '../clauses/clauses.ts';
import type { Intervals } from '../clauses/sets.ts';
import type { NumberDim, Pattern, StringDim } from '../clauses/term.ts';
import type { Automaton } from './automaton.ts';

/** Sizes that the kernel program is built with. */
export const LIMITS = {
  clausesPerOperation: 64 * RF_LIMIT.WORDS,
  /** Requirements on one string in one clause. */
  lanes: RF_LIMIT.LANES,
  outputs: RF_LIMIT.OUTPUTS,
  tableWords: RF_LIMIT.TABLE_WORDS,
  breaks: RF_LIMIT.BREAKS,
} as const;

/** RF_PROTECTED_MARK: stands before the names of protected executables, which only root's processes on the host have. */
export const PROTECTED_MARK = '\x01';

/** A set of clauses of one operation. */
export type Mask = bigint;
export const ALL_CLAUSES: Mask = (1n << BigInt(LIMITS.clausesPerOperation)) - 1n;

/** What becomes known when a pattern holds. */
export interface Output {
  /** Lane by lane: the clauses whose requirement is met. */
  readonly lanes: readonly Mask[];
  /** The clauses that forbid it. */
  readonly forbid: Mask;
  /** The string is not in its normal form (or, raw: not comparable with what user space sees). */
  readonly irregular: boolean;
}

export interface StringTable {
  readonly automaton: Automaton;
  /** Lane by lane: the clauses that require nothing there. */
  readonly base: readonly Mask[];
  /** The clauses that look at this string at all. */
  readonly care: Mask;
}

/** Masks of the intervals that begin at each break; the first break is 0. */
export interface NumberTable {
  readonly breaks: readonly number[];
  readonly masks: readonly Mask[];
  readonly absent: Mask;
}

/** What a clause stands for. */
export interface ClauseOwner {
  readonly rules: readonly string[];
  /** Of a refusing clause that was joined: the clauses of each rule, to tell whose it was. */
  readonly parts?: readonly { readonly rule: string; readonly clause: Clause }[];
  readonly action: 'emit' | 'deny' | 'kill';
  readonly mode: 'monitor' | 'enforce';
  readonly failClosed: boolean;
}

/** A path that a denying clause names: user space looks up what it is, so that other names are no way around. */
export interface NamedObject {
  readonly clause: number;
  readonly lane: number;
  readonly pattern: Pattern;
  /** Named by the operation's second path. */
  readonly other: boolean;
}

export interface ClassTable {
  readonly operation: string;
  readonly op: number;
  readonly emit: Mask;
  readonly deny: Mask;
  readonly kill: Mask;
  /** Denying clauses that only report. */
  readonly monitor: Mask;
  /** Denying clauses that hold where a string cannot be read. */
  readonly closed: Mask;
  readonly events: ReadonlyMap<string, Mask>;
  /** Indexed by the operation's bits. */
  readonly bits: readonly Mask[];
  readonly strings: ReadonlyMap<StringDim, StringTable>;
  readonly numbers: ReadonlyMap<NumberDim, NumberTable>;
  readonly clauses: readonly ClauseOwner[];
  readonly named: readonly NamedObject[];
  /** IPv4 addresses that denying clauses need, by clause. */
  readonly addressed: ReadonlyMap<number, Intervals>;
}

/** Everything the kernel needs of one generation of rules; plain data, no kernel involved. */
export interface Policy {
  readonly generation: number;
  readonly classes: readonly ClassTable[];
  readonly outputs: readonly Output[];
}
