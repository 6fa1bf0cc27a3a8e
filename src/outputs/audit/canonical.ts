import type { Json } from '../formats/json.ts';

const MAX_DEPTH = 32;
const MAX_STRING = 64 * 1024;

/**
 * Canonical JSON (RFC 8785): members sorted by UTF-16 code units, no white space, numbers as ECMAScript prints them.
 * Beyond the RFC: integers outside ±2^53 become strings of digits, numbers that JSON has no form for become null,
 * a string is cut at 64 Ki characters and nesting at 32 levels, so that one hostile value cannot fill the store.
 */
export function canonicalJson(value: Json, depth = 0): string {
  switch (typeof value) {
    case 'string':
      return JSON.stringify(value.length > MAX_STRING ? `${value.slice(0, MAX_STRING)}…` : value);
    case 'number':
      return Number.isFinite(value) ? JSON.stringify(value) : 'null';
    case 'bigint':
      return Number.isSafeInteger(Number(value)) ? value.toString() : `"${value}"`;
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      if (value === null) return 'null';
      if (depth === MAX_DEPTH) return '"…"';
      return isArray(value) ? arrayJson(value, depth + 1) : objectJson(value, depth + 1);
    default:
      return 'null';
  }
}

const isArray = (value: object): value is readonly Json[] => Array.isArray(value);

// Joined, not added up: a text put together by `+` stays the tree of its pieces, four times the size, while it waits.
function arrayJson(items: readonly Json[], depth: number): string {
  return `[${items.map((item) => canonicalJson(item, depth)).join(',')}]`;
}

function objectJson(object: { readonly [key: string]: Json }, depth: number): string {
  const members: string[] = [];
  for (const key of Object.keys(object).sort()) {
    const value = object[key];
    if (value !== undefined) members.push(`${JSON.stringify(key)}:${canonicalJson(value, depth)}`);
  }
  return `{${members.join(',')}}`;
}
