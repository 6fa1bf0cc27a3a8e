import { readFileSync } from 'node:fs';

/** Now, in epoch nanoseconds (millisecond resolution). */
export function epochNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** The kernel's random id of this boot. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}
