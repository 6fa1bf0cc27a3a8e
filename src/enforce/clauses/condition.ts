/**
 * The form of a condition that the clause compiler reads: macros, lists and exceptions are already put in.
 * String values are byte strings, as everywhere in the engine.
 */
export type CheckValue = string | number | bigint | boolean;

export interface Check {
  /** The field's row: `fd.name`, `evt.arg`. */
  readonly field: string;
  /** Suffix or bracket argument: `flags` of `evt.arg.flags`, 2 of `proc.aname[2]`. */
  readonly arg?: string | number | undefined;
  /** `=`, `!=`, `in`, `startswith`, `exists` ... */
  readonly op: string;
  readonly values: readonly CheckValue[];
  /** Set where the check is more than a field against constants (transformer, modifier, another field): why. */
  readonly opaque?: string | undefined;
  /** As written, for messages. */
  readonly text: string;
}

export type Condition =
  | { readonly kind: 'and' | 'or'; readonly items: readonly Condition[] }
  | { readonly kind: 'not'; readonly item: Condition }
  | { readonly kind: 'const'; readonly value: boolean }
  | { readonly kind: 'check'; readonly check: Check };

/** How a rule wants to act on what it matches. */
export type Enforcement = 'none' | 'deny' | 'kill';

/** What the compiler needs to know of a rule. */
export interface PolicyRule {
  readonly name: string;
  readonly condition: Condition;
  /** What is refused, where that is less than what the rule reports. */
  readonly denial?: Condition | undefined;
  /** Who is refused nothing. */
  readonly exempt?: Condition | undefined;
  /** Names of the events that can satisfy it; absent = any. */
  readonly events?: ReadonlySet<string> | undefined;
  readonly enforce: Enforcement;
  /** Effective mode: a denying rule in `monitor` only reports what it would have refused. */
  readonly mode: 'monitor' | 'enforce';
  /** Refuses also where the kernel cannot read a text that the rule asks for. */
  readonly failClosed?: boolean | undefined;
}

/** The field of the check that a scope by cgroup becomes; no rule can write it. */
export const CGROUP_SCOPE = 'scope.cgroup';
