import { RF_BIT, RF_LIMIT } from '../../sensors/record/layout.gen.ts';
import type { NumberSet } from './sets.ts';

/**
 * Strings the kernel can match, each by an automaton of its own. `other`: the second path of an operation that has two;
 * `cgroup`: the path of the task's cgroup below its hierarchy.
 */
export const STRING_DIMS = ['path', 'raw', 'comm', 'exe', 'pcomm', 'addr6', 'other', 'cgroup'] as const;
export type StringDim = (typeof STRING_DIMS)[number];

/**
 * Numbers the kernel can match, by intervals. `scope`: 0 = the host, 1 = a container; `id`: whom setuid makes it, or the
 * family of a new socket.
 */
export const NUMBER_DIMS = ['uid', 'loginuid', 'scope', 'daddr4', 'dport', 'proto', 'id'] as const;
export type NumberDim = (typeof NUMBER_DIMS)[number];

/** Dimensions that belong to the process: evaluated once per process and policy, then kept in task storage. */
export const PROCESS_DIMS: ReadonlySet<StringDim> = new Set(['comm', 'exe', 'pcomm']);

/** Truths about the operation itself, packed into an index 0..63 of a table. */
export const BIT = {
  ok: RF_BIT.OK,
  read: RF_BIT.READ,
  write: RF_BIT.WRITE,
  create: RF_BIT.CREATE,
  truncate: RF_BIT.TRUNCATE,
  /** open: O_DIRECTORY; connect: the result is EINPROGRESS. */
  extra: RF_BIT.EXTRA,
} as const;
export const BIT_STATES = RF_LIMIT.BIT_STATES;
export const ALL_BITS = (1n << BigInt(BIT_STATES)) - 1n;

/** Where in the string the text must stand. `dir`: the string up to its last slash equals the text. */
export type PatternAt = 'exact' | 'prefix' | 'suffix' | 'contains' | 'dir';

export interface Pattern {
  readonly at: PatternAt;
  readonly text: string;
}

/** A test the kernel can do. A string term holds if one of its patterns does. */
export type Term =
  | { readonly on: 'event'; readonly names: ReadonlySet<string> }
  | { readonly on: 'bits'; readonly table: bigint }
  | { readonly on: 'string'; readonly dim: StringDim; readonly patterns: readonly Pattern[] }
  | { readonly on: 'number'; readonly dim: NumberDim; readonly set: NumberSet };

/**
 * What is known of a check in the kernel.
 * `exact`: a term holds if and only if the check does. `necessary`: the check implies that one holds.
 */
export type Decision =
  | {
      readonly kind: 'terms';
      /** One of them holds. */
      readonly anyOf: readonly Term[];
      /** The check is the opposite: `!=` on a field that is never missing here. */
      readonly negated?: boolean;
      readonly strength: 'exact' | 'necessary';
    }
  | { readonly kind: 'const'; readonly value: boolean; readonly note: string }
  | {
      readonly kind: 'unknown';
      readonly reason: string;
      readonly instead?: string;
      /** One of them holds wherever the check does not. */
      readonly opposite?: readonly Term[];
    };

/** Whether a pattern holds for a string: the meaning that the automaton must reproduce. */
export function matches(pattern: Pattern, text: string): boolean {
  switch (pattern.at) {
    case 'exact':
      return text === pattern.text;
    case 'prefix':
      return text.startsWith(pattern.text);
    case 'suffix':
      return text.endsWith(pattern.text);
    case 'contains':
      return text.includes(pattern.text);
    case 'dir': {
      const slash = text.lastIndexOf('/');
      if (pattern.text === '/') return slash === 0;
      return slash > 0 && text.slice(0, slash) === pattern.text;
    }
  }
}
