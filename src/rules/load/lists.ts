/** Lists: expansion of lists in lists, and of list names in conditions. */
import { toBytes } from '../lang/bytes.ts';
import { quoteItem } from './exceptions.ts';
import type { ListItem } from './items.ts';
import type { Report } from './report.ts';
import type { OriginText } from './text.ts';

const BLANKS = ' \t\n\r';
const DELIMITERS = `${BLANKS}(),=`;

/** Items of a list once the lists in it are put in: more is a mistake, or an attempt to exhaust memory. */
const MAX_ITEMS = 200_000;
const MAX_NESTING = 500;

export interface ExpandedList {
  readonly name: string;
  /** All items, lists in it replaced. */
  readonly items: readonly string[];
  /** Names of lists that stand in its definition. */
  readonly references: readonly string[];
}

/** All lists with the lists in them expanded, and the names that conditions refer to. */
export class Lists {
  readonly expanded = new Map<string, ExpandedList>();
  /** Lists that something refers to. */
  readonly used = new Set<string>();
  private readonly items: ReadonlyMap<string, ListItem>;
  private readonly texts = new Map<string, string>();
  /** Names with blanks or delimiters in them, which cannot be found word by word. */
  private readonly oddNames: readonly string[];

  constructor(items: ReadonlyMap<string, ListItem>, report: Report) {
    this.items = items;
    for (const item of items.values()) this.expand(item, [], report);
    for (const list of this.expanded.values()) {
      this.texts.set(toBytes(list.name), list.items.map((text) => toBytes(quoteItem(text))).join(', '));
    }
    this.oddNames = [...this.texts.keys()].filter((name) => [...name].some((c) => DELIMITERS.includes(c)));
  }

  private expand(item: ListItem, above: readonly string[], report: Report): readonly string[] {
    const known = this.expanded.get(item.name);
    if (known !== undefined) return known.items;
    const references: string[] = [];
    const items: string[] = [];
    for (const text of item.items) {
      const other = this.items.get(text);
      // The name of a list that leads back here is a text: Falco loads such lists, too.
      if (other === undefined || other === item || above.includes(text)) {
        items.push(text);
        continue;
      }
      if (above.length > MAX_NESTING) {
        report.error('LOAD_ERR_VALIDATE', 'lists refer to each other too deeply', item.place);
        continue;
      }
      references.push(text);
      this.used.add(text);
      const inner = this.expand(other, [...above, item.name], report);
      if (items.length + inner.length > MAX_ITEMS) {
        report.error('LOAD_ERR_VALIDATE', `the list '${item.name}' is too large`, item.place);
        items.length = 0;
        break;
      }
      for (const value of inner) items.push(value);
    }
    this.expanded.set(item.name, { name: item.name, items, references });
    return items;
  }

  /** Puts the items of lists in place of their names, anywhere but in quoted strings. */
  substitute(condition: OriginText): OriginText {
    const { text } = condition;
    const edits: { start: number; end: number; text: string }[] = [];
    for (const { start, end, name } of this.occurrences(text)) {
      const items = this.texts.get(name)!;
      this.used.add(Buffer.from(name, 'latin1').toString('utf8'));
      const edit = this.edit(text, start, end, items);
      const before = edits.at(-1);
      if (before !== undefined && edit.start < before.end) edit.start = before.end;
      if (edit.end >= edit.start) edits.push(edit);
    }
    return edits.length === 0 ? condition : condition.replace(edits);
  }

  private edit(
    text: string,
    from: number,
    to: number,
    items: string,
  ): { start: number; end: number; text: string } {
    let start = from;
    let end = to;
    while (start > 0 && BLANKS.includes(text[start - 1]!)) start--;
    while (end < text.length && BLANKS.includes(text[end]!)) end++;
    if (items === '') {
      if (text[start - 1] === ',') start--;
      else if (text[end] === ',') end++;
    }
    return { start, end, text: ` ${items} ` };
  }

  private *occurrences(text: string): Generator<{ start: number; end: number; name: string }> {
    let at = 0;
    while (at < text.length) {
      const c = text[at]!;
      if (c === '"' || c === "'") {
        at = endOfQuoted(text, at);
        continue;
      }
      if (DELIMITERS.includes(c)) {
        at++;
        continue;
      }
      const odd = this.oddNames.find(
        (name) => text.startsWith(name, at) && isBoundary(text[at + name.length]),
      );
      let end = at + (odd?.length ?? 0);
      if (odd === undefined) {
        while (
          end < text.length &&
          !DELIMITERS.includes(text[end]!) &&
          text[end] !== '"' &&
          text[end] !== "'"
        )
          end++;
      }
      const name = text.slice(at, end);
      if (this.texts.has(name) && isBoundary(text[end])) yield { start: at, end, name };
      at = end;
    }
  }
}

function isBoundary(c: string | undefined): boolean {
  return c === undefined || DELIMITERS.includes(c);
}

function endOfQuoted(text: string, start: number): number {
  const quote = text[start]!;
  let end = text.indexOf(quote, start + 1);
  while (end > start + 1 && text[end - 1] === '\\') end = text.indexOf(quote, end + 1);
  return end < 0 ? text.length : end + 1;
}
