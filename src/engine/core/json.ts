import { randomUUID } from 'node:crypto';

/** Marks a number in passing. Nobody can guess it, so no text from outside can pass for a number. */
const MARK = `big:${randomUUID()}:`;
const MARKED = new RegExp(`"${MARK}(-?\\d+)"`, 'g');

/** What a terminal could act on and JSON leaves as it is; here it can only stand within a string. */
const ACTIVE = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;
const escaped = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

/** JSON text with bigint as exact digits, safe to show on a terminal. */
export function toJson(value: unknown, indent = 0): string {
  const replace = (_key: string, inner: unknown): unknown =>
    typeof inner === 'bigint' ? `${MARK}${inner}` : inner;
  return JSON.stringify(value, replace, indent).replace(MARKED, '$1').replace(ACTIVE, escaped);
}
