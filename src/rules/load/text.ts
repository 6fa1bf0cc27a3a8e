/** Condition texts that know where each byte was written: pieces of files, joined and with lists put in. */
import { isScalar } from 'yaml';
import { fromBytes, toBytes } from '../lang/bytes.ts';
import { inside, type Place } from './source.ts';
import { startOf, textOf, type YamlNode } from './yaml.ts';

/** A run of bytes that comes from one place. */
interface Segment {
  readonly text: string;
  readonly origin: Origin | undefined;
  /** Byte offset in the origin's text; -1 = the whole run stands for the origin's `at`. */
  readonly from: number;
  readonly at: number;
}

interface Origin {
  readonly place: Place;
  readonly node: YamlNode;
  readonly bytes: string;
}

/** An immutable text with origins. */
export class OriginText {
  readonly text: string;
  private readonly segments: readonly Segment[];

  private constructor(segments: readonly Segment[]) {
    this.segments = segments;
    this.text = segments.length === 1 ? segments[0]!.text : segments.map((segment) => segment.text).join('');
  }

  /** The text of a scalar; `place` is its place. */
  static fromScalar(node: YamlNode, place: Place): OriginText {
    const text = toBytes(textOf(node) ?? '');
    return new OriginText([{ text, origin: { place, node, bytes: text }, from: 0, at: 0 }]);
  }

  /** A text that stands for something else written at a place. */
  static standingFor(text: string, place: Place): OriginText {
    return new OriginText([{ text, origin: { place, node: undefined, bytes: '' }, from: -1, at: 0 }]);
  }

  static join(parts: readonly (OriginText | string)[]): OriginText {
    return new OriginText(
      parts.flatMap((part) =>
        typeof part === 'string' ? [{ text: part, origin: undefined, from: -1, at: 0 }] : [...part.segments],
      ),
    );
  }

  /** Replaces ranges (in order, not overlapping) by other texts that stand for the range. */
  replace(
    edits: readonly { readonly start: number; readonly end: number; readonly text: string }[],
  ): OriginText {
    const out: Segment[] = [];
    let at = 0;
    for (const edit of edits) {
      out.push(...this.cut(at, edit.start));
      const [first] = this.cut(edit.start, Math.max(edit.end, edit.start + 1));
      out.push({
        text: edit.text,
        origin: first?.origin,
        from: -1,
        at: first === undefined ? 0 : first.from < 0 ? first.at : first.from,
      });
      at = edit.end;
    }
    out.push(...this.cut(at, this.text.length));
    return new OriginText(out);
  }

  /** The place of a byte, for a diagnostic about the condition. */
  locate(offset: number): Place | undefined {
    let start = 0;
    let best: { segment: Segment; within: number } | undefined;
    for (const segment of this.segments) {
      if (segment.origin !== undefined)
        best = { segment, within: Math.min(offset - start, segment.text.length) };
      start += segment.text.length;
      if (offset < start && segment.origin !== undefined) break;
      if (offset < start) break;
    }
    const origin = best?.segment.origin;
    if (best === undefined || origin === undefined) return undefined;
    if (origin.node === undefined) return origin.place;
    const inOrigin = best.segment.from < 0 ? best.segment.at : best.segment.from + Math.max(0, best.within);
    const chars = fromBytes(origin.bytes.slice(0, inOrigin)).length;
    return inside(
      origin.place,
      'condition expression',
      '',
      fileOffset(origin.place.file.text, origin.node, chars),
    );
  }

  private cut(start: number, end: number): Segment[] {
    const out: Segment[] = [];
    let at = 0;
    for (const segment of this.segments) {
      const from = Math.max(start - at, 0);
      const to = Math.min(end - at, segment.text.length);
      if (from < to) {
        out.push({
          ...segment,
          text: segment.text.slice(from, to),
          from: segment.from < 0 ? -1 : segment.from + from,
        });
      }
      at += segment.text.length;
    }
    return out;
  }
}

/**
 * Where the n-th character of a scalar's value stands in the file: the value is laid along its source, where quotes,
 * escapes, folded line ends and indentation have no or another counterpart.
 */
function fileOffset(file: string, node: YamlNode, chars: number): number | undefined {
  const start = startOf(node);
  if (!isScalar(node) || start === undefined) return start;
  const value = String(node.value);
  const end = node.range?.[1] ?? file.length;
  let at = start;
  if (node.type === 'BLOCK_FOLDED' || node.type === 'BLOCK_LITERAL') {
    const newline = file.indexOf('\n', start);
    at = newline < 0 ? end : newline + 1;
  } else if (node.type === 'QUOTE_DOUBLE' || node.type === 'QUOTE_SINGLE') {
    at++;
  }
  const isBlank = (c: string | undefined): boolean => c === ' ' || c === '\n' || c === '\t' || c === '\r';
  for (let i = 0; i < Math.min(chars, value.length) && at < end; i++) {
    while (at < end && file[at] !== value[i] && (isBlank(file[at]) || isQuoting(node.type, file[at]))) {
      at++;
      if (isBlank(value[i]) && !isBlank(file[at])) break;
    }
    if (file[at] === value[i]) at++;
  }
  while (at < end && isBlank(file[at]) && !isBlank(value[chars])) at++;
  return Math.min(at, Math.max(start, end - 1));
}

function isQuoting(type: unknown, c: string | undefined): boolean {
  return (type === 'QUOTE_DOUBLE' && c === '\\') || (type === 'QUOTE_SINGLE' && c === "'");
}
