/** Output formats: `text %field %field[arg] %transformer(...)`, compiled once and rendered for each alert. */
import type { FieldValue } from '../../engine/core/alert.ts';
import type { OnDemand } from '../../sensors/calls/capture-plan.ts';
import type { Checker } from '../check/check.ts';
import type { Operand } from '../check/plan.ts';
import { isLate, readsOf, refsOf } from '../check/refs.ts';
import { compileOperand, type Getter } from '../code/operand.ts';
import type { FieldTable } from '../field-table.ts';
import { fromBytes, toBytes } from '../lang/bytes.ts';
import { operandPrefix } from '../lang/parser.ts';
import { jsonValue, pad, showOperand } from './show.ts';

const NO_FIELD =
  "a '%' begins a field, such as %proc.name: for the character itself there is no way to write it";

export interface Rendered {
  /** The text with all values put in. */
  readonly message: string;
  /** One entry per distinct field, in order; missing values are null. */
  readonly fields: Record<string, FieldValue>;
}

export interface OutputFormat<E> {
  /** The format's text, without the leading `*`. */
  readonly text: string;
  /** Distinct fields in order, as written after `%` or in a transformer. */
  readonly fieldNames: readonly string[];
  /** The same of all that is rendered: of a rule's output, with the fields beside the message. */
  readonly allNames: readonly string[];
  /** What the kernel must copy for its fields: of a rule's output, for those beside the message too. */
  readonly reads: ReadonlySet<OnDemand>;
  /** Whether a field needs metadata that may arrive late. */
  readonly late: boolean;
  /** Renders an event; undefined only for a strict format with a missing value. */
  render(event: E): Rendered | undefined;
}

export interface FormatFault {
  readonly kind: 'unknown' | 'type';
  readonly message: string;
  readonly help?: string;
  /** Character offset in the format. */
  readonly at: number;
}

interface Part<E> {
  readonly literal: string;
  readonly field?: FormatField<E>;
}

interface FormatField<E> {
  readonly width: number | undefined;
  readonly operand: Operand<E>;
  readonly get: Getter<E>;
  /** Key in the alert's fields; undefined for a transformer: the fields that it reads appear there, as they are. */
  readonly key: string | undefined;
  readonly inner: readonly InnerField<E>[];
}

interface InnerField<E> {
  readonly key: string;
  readonly operand: Operand<E>;
  readonly get: Getter<E>;
}

export interface FormatContext<E> {
  readonly fields: FieldTable<E>;
  readonly checker: Checker<E>;
}

/** Compiles a format. A leading `*` or `lenient` makes missing values print as `<NA>`. */
export function compileFormat<E>(
  text: string,
  context: FormatContext<E>,
  lenient = true,
): { readonly format: OutputFormat<E> } | { readonly faults: readonly FormatFault[] } {
  const star = text.startsWith('*');
  const body = star ? text.slice(1) : text;
  const parts: Part<E>[] = [];
  const faults: FormatFault[] = [];
  let literal = '';
  for (let at = 0; at < body.length; ) {
    const percent = body.indexOf('%', at);
    literal += body.slice(at, percent < 0 ? undefined : percent);
    if (percent < 0) break;
    const found = readField(body, percent, context);
    if ('message' in found) {
      faults.push({ ...found, at: percent + (star ? 1 : 0) });
      at = percent + 1;
      continue;
    }
    parts.push({ literal, field: found.field });
    literal = '';
    at = found.end;
  }
  if (faults.length > 0) return { faults };
  parts.push({ literal });
  return { format: makeFormat(body, parts, lenient || star) };
}

function readField<E>(
  text: string,
  percent: number,
  context: FormatContext<E>,
): { field: FormatField<E>; end: number } | Omit<FormatFault, 'at'> {
  const digits = /^[0-9]*/.exec(text.slice(percent + 1, percent + 6))![0];
  const start = percent + 1 + digits.length;
  const rest = toBytes(text.slice(start, start + 1024));
  const parsed = operandPrefix(rest) ?? beforeBracket(rest);
  const word = /^[^\s,;()]*/.exec(text.slice(start))![0];
  if (parsed === undefined)
    return { kind: 'unknown', message: `invalid formatting token '%${digits}${word}'`, help: NO_FIELD };
  const shortest = shorten(parsed, context.fields);
  const { operand, faults } = context.checker.operand(shortest.expr, 'output');
  if (operand === undefined) {
    const [fault] = faults;
    const message = fault?.message ?? `invalid formatting token '%${word}'`;
    const help = fault?.help;
    return { kind: fault?.kind ?? 'type', message, ...(help === undefined ? {} : { help }) };
  }
  const length = fromBytes(rest.slice(0, shortest.length)).length;
  return {
    end: start + length,
    field: {
      key: operand.kind === 'field' ? text.slice(start, start + length) : undefined,
      width: digits === '' ? undefined : Number(digits),
      operand,
      get: compileOperand(operand),
      inner: operand.kind === 'transform' ? innerFields(operand) : [],
    },
  };
}

function innerFields<E>(operand: Operand<E>): InnerField<E>[] {
  if (operand.kind === 'transform') return operand.args.flatMap(innerFields);
  if (operand.kind !== 'field') return [];
  return [{ key: operand.ref.text, operand, get: compileOperand(operand) }];
}

type Parsed = NonNullable<ReturnType<typeof operandPrefix>>;

/** A field before a bracket that holds no argument: `%proc.name[ %proc.pid ]`. */
function beforeBracket(text: string): Parsed | undefined {
  const name = /^[a-zA-Z][\w.]*(?=\[)/.exec(text)?.[0];
  return name === undefined ? undefined : operandPrefix(name);
}

/**
 * The longest beginning that is a field: `%evt.arg.uidX` is `%evt.arg.uid` and an X, `%proc.name[%proc.pid]` has two
 * fields.
 */
function shorten<E>(parsed: Parsed, fields: FieldTable<E>): Parsed {
  const { expr } = parsed;
  if (expr.kind !== 'field' || fields.lookup(expr.name, expr.arg).ok) return parsed;
  const longest = expr.arg === undefined ? expr.name.length - 1 : expr.name.length;
  for (let length = longest; length > 2; length--) {
    const name = expr.name.slice(0, length);
    if (fields.lookup(name, undefined).ok) return { expr: { kind: 'field', name, at: expr.at }, length };
  }
  return parsed;
}

function makeFormat<E>(text: string, parts: readonly Part<E>[], lenient: boolean): OutputFormat<E> {
  const used = parts.flatMap((part) => (part.field === undefined ? [] : [part.field]));
  const all = used.flatMap(({ key, inner }) => (key === undefined ? inner.map((field) => field.key) : [key]));
  const names = [...new Set(all)];
  const refs = refsOf(...used.map(({ operand }) => operand));
  return {
    text,
    fieldNames: names,
    allNames: names,
    reads: readsOf(refs),
    late: isLate(refs),
    render(event) {
      const fields: Record<string, FieldValue> = {};
      let message = '';
      for (const { literal, field } of parts) {
        message += literal;
        if (field === undefined) continue;
        const value = field.get(event);
        const shown = showOperand(field.operand, value, event);
        if (shown === undefined && !lenient) return undefined;
        message += field.width === undefined ? (shown ?? '<NA>') : pad(shown ?? '<NA>', field.width);
        if (field.key !== undefined) fields[field.key] = jsonValue(field.operand, value, event);
        for (const { key, operand, get } of field.inner) fields[key] = jsonValue(operand, get(event), event);
      }
      return { message, fields };
    },
  };
}
