/** `rules fmt`: lays out a rules file without touching its meaning or its comments. */
import { isMap, isScalar, isSeq, parseAllDocuments, visit } from 'yaml';

export type FormatResult =
  | { readonly ok: true; readonly text: string; readonly changed: boolean }
  | { readonly ok: false; readonly error: string };

const ENTRY_KEYS = ['rule', 'macro', 'list', 'required_engine_version', 'required_plugin_versions'] as const;

/**
 * Removes trailing blanks, puts exactly one blank line between entries (comments stay with the entry below), no blank
 * lines at the start, and one line end at the end of the file. Refuses a file whose contents this would change.
 */
export function formatRulesFile(text: string): FormatResult {
  const unmarked = text.replace(/^\uFEFF/, '');
  const before = contentsOf(unmarked);
  if (typeof before === 'string') return { ok: false, error: before };
  const formatted = layOut(unmarked.replace(/\r\n?/g, '\n').split('\n'));
  const after = contentsOf(formatted);
  if (typeof after === 'string') return { ok: false, error: after };
  if (JSON.stringify(before) !== JSON.stringify(after)) {
    return { ok: false, error: 'trailing blanks have a meaning in this file: it was left as it is' };
  }
  return { ok: true, text: formatted, changed: formatted !== text };
}

function layOut(lines: readonly string[]): string {
  const out: string[] = [];
  /** Comments and blank lines at the left margin, not yet known to belong to the entry above or below. */
  let pending: string[] = [];
  for (const raw of lines) {
    const line = raw.replace(/[ \t]+$/, '');
    if (line === '' || line.startsWith('#')) {
      pending.push(line);
      continue;
    }
    const entry = /^(?:- |-$|---|\.\.\.)/.test(line);
    if (entry) out.push(...separate(pending, out.length > 0));
    else out.push(...pending);
    out.push(line);
    pending = [];
  }
  const rest = separate(pending, out.length > 0);
  out.push(...(rest.at(-1) === '' ? rest.slice(0, -1) : rest));
  return out.length === 0 ? '' : `${out.join('\n')}\n`;
}

/** Comments before an entry: blank lines collapsed, one in front, none between the last comment and the entry. */
function separate(pending: readonly string[], needsBlank: boolean): string[] {
  const kept = pending.filter((line, i) => line !== '' || (i > 0 && pending[i - 1] !== ''));
  while (kept[0] === '') kept.shift();
  const attached = pending.at(-1) !== '';
  while (kept.at(-1) === '') kept.pop();
  if (kept.length === 0) return needsBlank ? [''] : [];
  return [...(needsBlank ? [''] : []), ...kept, ...(attached ? [] : [''])];
}

/** All scalars in order, or an error text. */
function contentsOf(text: string): string[] | string {
  const documents = parseAllDocuments(text, { schema: 'failsafe', uniqueKeys: false });
  if (!Array.isArray(documents)) return [];
  const contents: string[] = [];
  for (const document of documents) {
    const [fault] = document.errors;
    if (fault !== undefined) return fault.message;
    if (!isRules(document.contents)) return 'this is no rules file: a list of rules, macros and lists';
    visit(document, {
      Collection: (_, node) => {
        contents.push(node.constructor.name, String(node.items.length));
      },
      Scalar: (_, node) => {
        contents.push(String(node.value));
      },
    });
  }
  return contents;
}

/** Whether the loader would find something in it, or nothing is there at all. */
function isRules(contents: unknown): boolean {
  if (contents === null || (isScalar(contents) && contents.value === '')) return true;
  if (!isSeq(contents)) return false;
  const { items } = contents;
  return (
    items.length === 0 || items.some((entry) => isMap(entry) && ENTRY_KEYS.some((key) => entry.has(key)))
  );
}
