/** Places in rule files: where something is written, and how to show it. */
import { LineCounter } from 'yaml';

/** What editors put in front of a file; the YAML parser takes it for a character of the first line. */
const BYTE_ORDER_MARK = '\ufeff';

/** One rule file's text, without a byte order mark. */
export class SourceFile {
  readonly name: string;
  readonly text: string;
  readonly lines = new LineCounter();
  private readonly marked: boolean;

  constructor(name: string, text: string) {
    this.name = name;
    this.marked = text.startsWith(BYTE_ORDER_MARK);
    this.text = this.marked ? text.slice(1) : text;
  }

  /** 1-based line and column of a character offset. */
  position(offset: number): { line: number; column: number } {
    const { line, col } = this.lines.linePos(offset);
    return line === 0 ? { line: 1, column: offset + 1 } : { line, column: col };
  }

  /** Byte offset of a character offset. */
  byteOffset(offset: number): number {
    const mark = this.marked ? Buffer.byteLength(BYTE_ORDER_MARK) : 0;
    return mark + Buffer.byteLength(this.text.slice(0, offset), 'utf8');
  }

  /** The line of an offset, with a caret below; long lines are cut around it. */
  snippet(offset: number): string {
    const { column } = this.position(offset);
    const start = offset - (column - 1);
    const end = this.text.indexOf('\n', start);
    const line = (end < 0 ? this.text.slice(start) : this.text.slice(start, end)).replace(/\r$/, '');
    return snippetOf(line, column - 1);
  }
}

const WIDTH = 160;

/** A line with a caret under a column. */
export function snippetOf(line: string, column: number): string {
  const from = column > WIDTH - 20 ? column - 60 : 0;
  const shown = line.slice(from, from + WIDTH).replace(/[\t\b\f\v]/g, ' ');
  return `${shown}\n${' '.repeat(Math.max(0, column - from))}^`;
}

export interface Step {
  /** As Falco names it: rule, macro, list, exception, condition expression ... */
  readonly type: string;
  readonly name: string;
  /** Character offset in the file. */
  readonly offset: number;
}

/** A place in a file with what encloses it, outermost first. */
export interface Place {
  readonly file: SourceFile;
  readonly steps: readonly Step[];
}

export function inside(place: Place, type: string, name: string, offset: number | undefined): Place {
  return { file: place.file, steps: [...place.steps, { type, name, offset: offset ?? offsetOf(place) }] };
}

export function offsetOf(place: Place): number {
  return place.steps.at(-1)?.offset ?? 0;
}
