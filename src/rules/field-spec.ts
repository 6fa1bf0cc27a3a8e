import type { OnDemand } from '../sensors/calls/capture-plan.ts';

/**
 * The contract between the rule language and the table of fields.
 *
 * The language is generic in the event type E: it knows a field only by its row. Values by type:
 *   string, path   byte string (latin1 characters, one per byte)
 *   int, uint      number, or bigint beyond 2^53 - 1 (always the smaller representation)
 *   port           number
 *   time, reltime  nanoseconds as int (epoch times are bigint, spans are number or bigint)
 *   bool           boolean
 *   double         number
 *   ip             byte string of 4 or 16 bytes, network order
 *   net            as ip; the literal is the network
 *   bytes          byte string that may contain NUL
 * A list-valued field yields an array of these. Missing is undefined.
 */
export type FieldType =
  | 'string'
  | 'path'
  | 'int'
  | 'uint'
  | 'port'
  | 'time'
  | 'reltime'
  | 'bool'
  | 'double'
  | 'ip'
  | 'net'
  | 'bytes';

export type Scalar = string | number | bigint | boolean;
export type Value = Scalar | readonly Scalar[];

/** What may stand in brackets after the name. `index`: a number; `key`: any text; `either`: both. */
export type ArgKind = 'none' | 'index' | 'key' | 'either';

export interface FieldSpec<E> {
  readonly name: string;
  readonly type: FieldType;
  readonly list?: boolean;
  readonly doc: string;
  readonly arg?: ArgKind;
  readonly argRequired?: boolean;
  /** Further names with a suffix: `evt.arg.NAME`, `container.label.X`; the row's name is the part before. */
  readonly suffix?: { readonly doc: string; readonly accepts: (suffix: string) => boolean };
  /** Events that can carry it (names); absent = all. For documentation and `explain`. */
  readonly events?: readonly string[];
  /** Only in conditions (fd.ip, fd.net ...): an error in an output format. */
  readonly filterOnly?: boolean;
  /** Only in outputs (evt.outputtime ...). */
  readonly printOnly?: boolean;
  /** Not allowed on the right side of a comparison. */
  readonly noRhs?: boolean;
  readonly noTransformer?: boolean;
  /** How the number is printed. */
  readonly format?: 'dec' | 'hex' | 'oct' | 'pad9';
  /**
   * `any`: the getter yields several candidate values (any ancestor, either endpoint) as an array and a check is
   * true if one satisfies it; `!=` follows `anyNotEqual`.
   */
  readonly any?: { readonly notEqual: 'some' | 'every' };
  readonly deprecated?: boolean;
  /** The value needs metadata that may arrive late (container runtime): the engine may defer the event. */
  readonly late?: boolean;
  /** Made for the question, long, or looked up along all ancestors: conditions ask it last. */
  readonly dear?: true;
  /** What the kernel copies only for fields that read it; of a field with arguments, what it reads with this one. */
  readonly reads?: readonly OnDemand[] | ((arg: string | number | undefined) => readonly OnDemand[]);
  /** Appended to every output by a suggested_output entry, in table order (`container_id=%container.id`). */
  readonly suggested?: boolean;
  /** The text to print where it differs from the value (joined ancestors ...). */
  readonly print?: (event: E, arg: string | number | undefined) => string | undefined;
  /** The number to put in an alert's fields where it differs from the value (times that print as a clock). */
  readonly json?: (event: E, arg: string | number | undefined) => number | bigint | undefined;
  readonly get: (event: E, arg: string | number | undefined) => Value | undefined;
}

/** A field expression resolved against the table. */
export interface FieldRef<E> {
  readonly spec: FieldSpec<E>;
  /** Suffix or bracket argument; index arguments are numbers. */
  readonly arg: string | number | undefined;
  /** As written: `proc.aname[2]`, `evt.arg.flags`. */
  readonly text: string;
}

export interface EventNames {
  /** All valid names for evt.type; the index is the event code used for dispatch. */
  readonly names: readonly string[];
  code(name: string): number | undefined;
}
