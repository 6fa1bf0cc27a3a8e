import { AppError, EXIT } from '../core/diagnostic.ts';
import { parseDuration, TIMER_MAX_MS } from '../core/units.ts';

/** The error about what was typed, with advice. */
export const usage = (message: string, help?: string): AppError =>
  new AppError('E_USAGE', message, { exitCode: EXIT.usage, ...(help === undefined ? {} : { help }) });

/** The time that an option gives, in milliseconds; undefined where it was left out. */
export function duration(flag: string, text: string): number;
export function duration(flag: string, text: string | undefined): number | undefined;
export function duration(flag: string, text: string | undefined): number | undefined {
  const ms = text === undefined ? undefined : parseDuration(text);
  if (text !== undefined && !ms) throw usage(`${flag} needs a time such as 30s, 5m or 1h, not "${text}"`);
  return ms;
}

/** The same for a time that the command itself waits. */
export function waitingTime(flag: string, text: string): number;
export function waitingTime(flag: string, text: string | undefined): number | undefined;
export function waitingTime(flag: string, text: string | undefined): number | undefined {
  const ms = duration(flag, text);
  if (ms !== undefined && ms > TIMER_MAX_MS) throw usage(`${flag} takes at most 24d, not "${text}"`);
  return ms;
}

/** For options that may be repeated: all their values. */
export const collect = (value: string, all: readonly string[]): string[] => [...all, value];
