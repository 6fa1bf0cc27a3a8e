import type { ImportReport } from '../../enforce/index.ts';

/** Characters of a feed that go in one request: well below what the engine takes as one line. */
const PART = 512 * 1024;

export type Import = (args: { readonly text: string; readonly more: boolean }) => Promise<ImportReport>;

/** Imports a feed of any length in parts; the report speaks of the whole. */
export async function importFeed(text: string, send: Import): Promise<ImportReport> {
  const total = { added: 0, renewed: 0, invalid: [] as ImportReport['invalid'][number][] };
  let line = 0;
  for (let from = 0; from < text.length || from === 0; ) {
    const end = from + PART < text.length ? text.lastIndexOf('\n', from + PART) + 1 : text.length;
    // A line longer than a part is no target; it goes as it is, and is reported.
    const to = end > from ? end : text.length;
    const part = text.slice(from, to);
    const { added, renewed, invalid } = await send({ text: part, more: to < text.length });
    total.added += added;
    total.renewed += renewed;
    for (const bad of invalid) total.invalid.push({ ...bad, line: bad.line + line });
    line += part.split('\n').length - 1;
    from = to;
    if (from === 0) break;
  }
  return total;
}
