const pad = (value: number, width: number): string => String(value).padStart(width, '0');

const NS_PER_MS = 1_000_000n;

function split(timeNs: bigint): { date: Date; fraction: string } {
  const ns = Number(timeNs % 1_000_000_000n);
  return { date: new Date(Number(timeNs / NS_PER_MS)), fraction: pad(ns, 9) };
}

/** `2026-07-31T10:15:30.000000123` in UTC, without a zone. */
function utc(timeNs: bigint): string {
  const { date, fraction } = split(timeNs);
  return `${date.toISOString().slice(0, 19)}.${fraction}`;
}

/** RFC 3339 with nanoseconds: `2026-07-31T10:15:30.000000123Z`. */
export function rfc3339Nano(timeNs: bigint): string {
  return `${utc(timeNs)}Z`;
}

/** RFC 3339 with microseconds, the most that RFC 5424 allows. */
export function rfc3339Micro(timeNs: bigint): string {
  return `${utc(timeNs).slice(0, -3)}Z`;
}

/** RFC 3339 with milliseconds. */
export function rfc3339Milli(timeNs: bigint): string {
  return `${utc(timeNs).slice(0, -6)}Z`;
}

/** The time in front of a Falco line: local `10:15:30.000000123`, or ISO 8601 in UTC with `+0000`. */
export function prefixTime(timeNs: bigint, iso8601: boolean): string {
  if (iso8601) return `${utc(timeNs)}+0000`;
  const { date, fraction } = split(timeNs);
  return `${pad(date.getHours(), 2)}:${pad(date.getMinutes(), 2)}:${pad(date.getSeconds(), 2)}.${fraction}`;
}

/** Milliseconds since the epoch. */
export function epochMs(timeNs: bigint): number {
  return Number(timeNs / NS_PER_MS);
}
