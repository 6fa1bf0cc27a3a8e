import type { Priority } from './priority.ts';
import type { Reason } from './reason.ts';

/** A value in an alert's output fields. Strings are decoded UTF-8 (U+FFFD for bytes that are not). */
export type FieldValue = string | number | bigint | boolean | null | readonly FieldValue[];

/** What the kernel guarantees for this alert: refused before it happened, killed, would be, or only seen. */
export type Guarantee = 'denied' | 'killed' | 'would_deny' | 'observed';

/** The kernel mechanism that saw (and may have refused) the operation. */
export type Tier = 'lsm' | 'fmod_ret' | 'cgroup' | 'signal' | 'observe' | 'replay' | 'internal';

/**
 * One alert. Plain data: it crosses threads by structured clone and is what every output receives.
 * Everything in `message` and `fields` may come from an attacker: outputs escape it for their medium.
 */
export interface Alert {
  /** Stable over retries and restarts: derived from host, boot id, event and rule; UUID text form. */
  readonly uuid: string;
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  readonly rule: string;
  readonly priority: Priority;
  readonly source: string;
  /** Sorted, without duplicates. */
  readonly tags: readonly string[];
  readonly hostname: string;
  /** The rule's output with its fields put in, without the time and priority prefix; not escaped. */
  readonly message: string;
  /** Falco's output_fields, in the order of the format, without the time entry. Missing = null. */
  readonly fields: Readonly<Record<string, FieldValue>>;
  readonly guarantee: Guarantee;
  readonly tier: Tier;
  readonly bootId: string;
  /** Generation of the kernel policy in force when the event was recorded; 0 = none. */
  readonly policyGeneration: number;
  /** Where the rule is written; absent for internal alerts. */
  readonly location?: { readonly file: string; readonly line: number };
  /** Deny-list entry that decided, if any. */
  readonly denyEntry?: string;
  /** The condition's tree with the values that decided; only where somebody will ask (the audit). */
  readonly reason?: Reason;
}
