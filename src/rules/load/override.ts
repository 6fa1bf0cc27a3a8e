/** The `override:` key of an entry. */

import type { EntryReader } from './reader.ts';
import { inside } from './source.ts';
import { isMap, textOf } from './yaml.ts';

export interface Overrides {
  readonly append: ReadonlySet<string>;
  readonly replace: ReadonlySet<string>;
}

export const OVERRIDE_WITH_APPEND =
  "Keys 'override' and 'append: true' cannot be used together. Keep 'override' and remove 'append'.";

const APPEND_WARNING =
  "'append: true' is deprecated: name the key under 'override' instead, such as 'override: {condition: append}'";

/** Whether an entry says `append: true`, with the warning that this deserves. */
export function readAppendFlag(entry: EntryReader): boolean {
  const append = entry.boolean('append') === true;
  if (append) entry.report.warning('LOAD_DEPRECATED_ITEM', APPEND_WARNING, entry.place);
  return append;
}

/** Reads which keys are appended to or replaced; undefined after an error. */
export function readOverrides(
  entry: EntryReader,
  appendable: readonly string[],
  replaceable: readonly string[],
): Overrides | undefined {
  const append = new Set<string>();
  const replace = new Set<string>();
  if (!entry.map.has('override')) return { append, replace };
  const place = inside(entry.place, 'override', '', entry.map.offset('override'));
  const node = entry.map.get('override');
  if (!isMap(node)) {
    return entry.fail(
      "Value of 'override' must be a mapping",
      place,
      undefined,
      "write 'override: {condition: append}'",
    );
  }
  const inner = entry.child(node, place)!;
  for (const key of inner.map.keys) {
    const operation = textOf(inner.map.get(key));
    const at = inside(place, 'override', key, inner.map.keyOffset(key));
    if (operation === 'append') {
      if (appendable.includes(key)) append.add(key);
      else entry.fail(`Key '${key}' cannot be appended to, use 'replace' instead`, at);
    } else if (operation === 'replace') {
      if (replaceable.includes(key)) replace.add(key);
      else entry.fail(`Key '${key}' cannot be replaced`, at);
    } else {
      const allowed = [appendable.includes(key) ? 'append' : '', replaceable.includes(key) ? 'replace' : ''];
      entry.fail(
        `Invalid override operation for key '${key}': '${operation ?? ''}'. Allowed values are: ${allowed.join(' ').trim()}`,
        inside(place, 'value for', key, inner.map.offset(key)),
      );
    }
  }
  return entry.ok ? { append, replace } : undefined;
}

/** Every key named under `override` must be there, and every overridable key that is there must be named. */
export function checkOverrideKeys(
  entry: EntryReader,
  overrides: Overrides,
  overridable: readonly string[],
): void {
  for (const [kind, keys] of [
    ['append', overrides.append],
    ['replace', overrides.replace],
  ] as const) {
    for (const key of keys) {
      if (entry.map.has(key)) continue;
      const article = kind === 'append' ? 'An append' : 'A replace';
      entry.fail(`${article} override for '${key}' was specified but '${key}' is not defined`);
    }
  }
  for (const key of overridable) {
    if (!entry.map.has(key) || overrides.append.has(key) || overrides.replace.has(key)) continue;
    entry.fail(
      `Unexpected key '${key}': no corresponding entry under 'override' is defined.`,
      inside(entry.place, 'override', key, entry.map.keyOffset(key)),
    );
  }
}
