import type { Alert } from '../../engine/core/alert.ts';

/** A first-in first-out store on disk. Whatever `append` has taken survives the death of the process. */
export interface Spool {
  /** Alerts not yet removed. */
  readonly length: number;
  readonly bytes: number;
  /** Resolves to how many from the front of the list were taken; fewer than given = full. */
  append(alerts: readonly Alert[]): Promise<number>;
  /** The oldest alerts, without removing them. */
  peek(max: number): Promise<readonly Alert[]>;
  /** Removes the oldest. */
  advance(count: number): Promise<void>;
  close(): Promise<void>;
}
