import { readFileSync } from 'node:fs';

const REFRESH_MS = 10_000;
/** Below this the difference of the two clocks is the coarseness of /proc/uptime, above it time spent suspended. */
const SUSPEND_MIN_NS = 50_000_000n;

/**
 * Turns times of the kernel's boot clock into time since the epoch. The distance of the clocks is measured again from
 * time to time, so that a set or slewed wall clock is followed.
 */
export class BootClock {
  #offset = 0n;
  #measuredAt = Number.NEGATIVE_INFINITY;
  readonly #measure: () => bigint;

  constructor(measure: () => bigint = measureOffset) {
    this.#measure = measure;
  }

  /** Epoch nanoseconds minus boot nanoseconds. */
  get offset(): bigint {
    const now = performance.now();
    if (now - this.#measuredAt > REFRESH_MS) {
      this.#offset = this.#measure();
      this.#measuredAt = now;
    }
    return this.#offset;
  }

  toEpoch(bootNs: number): bigint {
    return this.offset + BigInt(bootNs);
  }
}

/** Current time of the boot clock, in ns. */
export function bootNow(monotonic: bigint = process.hrtime.bigint(), uptimeText = readUptime()): bigint {
  const uptime = Number.parseFloat(uptimeText);
  const suspended = BigInt(Math.round(uptime * 1e9)) - monotonic;
  return suspended > SUSPEND_MIN_NS ? monotonic + suspended : monotonic;
}

const readUptime = (): string => readFileSync('/proc/uptime', 'latin1');

function measureOffset(): bigint {
  // The wall clock comes in milliseconds: the moment when it steps is known better. At most a millisecond of waiting.
  const first = Date.now();
  let wall = Date.now();
  while (wall === first) wall = Date.now();
  return BigInt(wall) * 1_000_000n - bootNow();
}

const MONTH_DAY = (date: Date): string =>
  `${date.getFullYear()}-${pad(date.getMonth() + 1, 2)}-${pad(date.getDate(), 2)}`;

function pad(value: number | bigint, width: number): string {
  return value.toString().padStart(width, '0');
}

function split(epochNs: bigint): { date: Date; fraction: string } {
  return { date: new Date(Number(epochNs / 1_000_000n)), fraction: pad(epochNs % 1_000_000_000n, 9) };
}

/** `HH:MM:SS` in local time. */
export function localTime(epochNs: bigint): string {
  const { date } = split(epochNs);
  return `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}`;
}

/** `HH:MM:SS.nnnnnnnnn` in local time. */
export function localTimeNs(epochNs: bigint): string {
  return `${localTime(epochNs)}.${split(epochNs).fraction}`;
}

/** `YYYY-MM-DD` in local time. */
export function localDate(epochNs: bigint): string {
  return MONTH_DAY(split(epochNs).date);
}

/** `YYYY-MM-DDTHH:MM:SS.nnnnnnnnn+0000`. */
export function iso8601(epochNs: bigint): string {
  const { date, fraction } = split(epochNs);
  return `${date.toISOString().slice(0, 19)}.${fraction}+0000`;
}

/** `YYYY-MM-DD HH:MM:SS.nnnnnnnnn +ZZZZ` in local time. */
export function localStamp(epochNs: bigint): string {
  const zone = -split(epochNs).date.getTimezoneOffset();
  const [hours, minutes] = [Math.floor(Math.abs(zone) / 60), Math.abs(zone) % 60];
  const offset = `${zone < 0 ? '-' : '+'}${pad(hours, 2)}${pad(minutes, 2)}`;
  return `${localDate(epochNs)} ${localTimeNs(epochNs)} ${offset}`;
}

/** A span in seconds, as C writes it with `%gs`: six digits at most, very small and large ones with an exponent. */
export function secondsText(ns: number): string {
  const [digits, exponent] = (ns / 1e9).toExponential(5).split('e') as [string, string];
  const power = Number(exponent);
  const short = (text: string): string => (text.includes('.') ? text.replace(/\.?0+$/, '') : text);
  if (power >= -4 && power < 6) return `${short((ns / 1e9).toFixed(5 - power))}s`;
  return `${short(digits)}e${power < 0 ? '-' : '+'}${pad(Math.abs(power), 2)}s`;
}
