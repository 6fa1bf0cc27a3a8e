const BIG = /"\u0000big:(-?\d+)"/g;

/** JSON text with bigint as exact digits. */
export function toJson(value: unknown, indent = 0): string {
  const text = JSON.stringify(
    value,
    (_key, inner: unknown) => (typeof inner === 'bigint' ? `\u0000big:${inner}` : inner),
    indent,
  );
  return text.replaceAll('\\u0000big:', '\u0000big:').replace(BIG, '$1');
}
