import { randomUUID } from 'node:crypto';
import { escapeActive } from './terminal.ts';

/** Marks a number in passing. Nobody can guess it, so no text from outside can pass for a number. */
const MARK = `big:${randomUUID()}:`;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

/** JSON text with bigint as exact digits, safe to show on a terminal. */
export function toJson(value: unknown, indent = 0): string {
  const replace = (_key: string, inner: unknown): unknown =>
    typeof inner === 'bigint' ? `${MARK}${inner}` : inner;
  return escapeActive(JSON.stringify(value, replace, indent).replace(MARKED, '$1'));
}
