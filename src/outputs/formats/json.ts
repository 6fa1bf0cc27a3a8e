import { jsonString } from './text.ts';

/** What the formats put together: plain data with exact integers. `undefined` members are left out. */
export type Json =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | readonly Json[]
  | { readonly [key: string]: Json };

/** JSON text on one line. Bigints become exact digits, NaN and infinities null, strings safe for terminals. */
export function stringify(value: Json): string {
  if (value === null || value === undefined) return 'null';
  switch (typeof value) {
    case 'string':
      return jsonString(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'bigint':
    case 'boolean':
      return String(value);
    default:
      return Array.isArray(value) ? stringifyArray(value) : stringifyObject(value as { [key: string]: Json });
  }
}

function stringifyArray(values: readonly Json[]): string {
  return `[${values.map(stringify).join(',')}]`;
}

function stringifyObject(object: { readonly [key: string]: Json }): string {
  let out = '';
  for (const key of Object.keys(object)) {
    const value = object[key];
    if (value !== undefined) out += `${out === '' ? '' : ','}${jsonString(key)}:${stringify(value)}`;
  }
  return `{${out}}`;
}
