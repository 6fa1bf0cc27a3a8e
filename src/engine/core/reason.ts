/** One part of a condition. */
export interface Reason {
  /** `and`, `or`, `not`, or the check as text. */
  readonly text: string;
  readonly holds: boolean;
  /** The value that a check compared; null = missing. Absent for and, or, not. */
  readonly value?: string | null;
  /** The branch that alone decides: the first false one of an `and`, the first true one of an `or`. */
  readonly decides?: boolean;
  readonly parts?: readonly Reason[];
}
