import { readFileSync } from 'node:fs';

/** Now, in epoch nanoseconds (millisecond resolution). */
export function epochNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** Where the kernel tells its boots apart; only in a whole /proc. */
export const BOOT_ID = '/proc/sys/kernel/random/boot_id';

/** The kernel's random id of this boot. */
export function bootId(): string {
  return readFileSync(BOOT_ID, 'latin1').trim();
}
