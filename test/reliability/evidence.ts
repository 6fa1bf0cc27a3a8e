import { appendFileSync } from 'node:fs';

/** One row of docs/reliability.md: what went wrong, what was to happen, and what did. */
export interface Evidence {
  readonly fault: string;
  readonly expected: string;
  readonly result: string;
}

/** Notes what a test has shown. Kept in the long mode only. */
export function evidence(row: Evidence): void {
  const file = process.env.RINGFENCE_EVIDENCE;
  if (file) appendFileSync(file, `${JSON.stringify(row)}\n`);
}

/** A number of rounds: small in an ordinary run, as the environment says in a long one. */
export function rounds(variable: string, otherwise: number): number {
  const value = Number(process.env[variable]);
  return Number.isInteger(value) && value > 0 ? value : otherwise;
}
