const UNITS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const BYTES = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 } as const;

/** `250ms`, `30s`, `5m`, `2h`, `7d` in milliseconds; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Number(match[1]) * UNITS[match[2] as keyof typeof UNITS] : undefined;
}

/** Timers cannot wait longer (24.8 days, setTimeout): they would end at once. */
export const TIMER_MAX_MS = 2 ** 31 - 1;

/** The pattern of a duration, for schemas. */
export const DURATION_PATTERN = '^\\d+(\\.\\d+)?(ms|s|m|h|d)$';

/** A size for people: `32 MiB`. */
export function formatBytes(bytes: number): string {
  const unit = (['GiB', 'MiB', 'KiB'] as const).find((name) => bytes >= BYTES[name]) ?? 'B';
  const value = bytes / BYTES[unit];
  return `${Number.isInteger(value) ? value : value.toFixed(1)} ${unit}`;
}
