import { readFileSync } from 'node:fs';

/**
 * Converts kernel boot-clock times to epoch times. The offset is taken once (and again on `sync`), so that two events
 * keep their distance even if somebody sets the wall clock between them.
 */
export class Clock {
  readonly #bootNow: () => bigint;
  #offset: bigint;

  /** `bootNow` reads CLOCK_BOOTTIME in ns; without it /proc/uptime is used (10 ms resolution). */
  constructor(bootNow: () => bigint = uptimeNs) {
    this.#bootNow = bootNow;
    this.#offset = this.#measure();
  }

  /** Epoch nanoseconds of a boot-clock time. */
  toEpoch(bootNs: number | bigint): bigint {
    return this.#offset + BigInt(bootNs);
  }

  /** The boot clock's zero in epoch nanoseconds. */
  get offset(): bigint {
    return this.#offset;
  }

  /** Takes the offset anew; returns by how many ns the wall clock was moved since. */
  sync(): bigint {
    const before = this.#offset;
    this.#offset = this.#measure();
    return this.#offset - before;
  }

  #measure(): bigint {
    return epochNs() - this.#bootNow();
  }
}

function uptimeNs(): bigint {
  const seconds = readFileSync('/proc/uptime', 'latin1').split(' ')[0] ?? '0';
  return BigInt(Math.round(Number(seconds) * 1e3)) * 1_000_000n;
}

/** Now, in epoch nanoseconds (millisecond resolution). */
export function epochNs(): bigint {
  return BigInt(Date.now()) * 1_000_000n;
}

/** The kernel's random id of this boot. */
export function bootId(): string {
  return readFileSync('/proc/sys/kernel/random/boot_id', 'latin1').trim();
}
