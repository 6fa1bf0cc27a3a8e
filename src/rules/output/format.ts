/** Output formats: `text %field %field[arg] %transformer(...)`, compiled once and rendered for each alert. */
import type { FieldValue } from '../../engine/core/alert.ts';
import type { Checker } from '../check/check.ts';
import type { Operand } from '../check/plan.ts';
import { compileOperand, type Getter } from '../code/operand.ts';
import type { FieldSpec, Scalar, Value } from '../field-spec.ts';
import type { FieldTable } from '../field-table.ts';
import { fromBytes, toBytes } from '../lang/bytes.ts';
import { operandPrefix } from '../lang/parser.ts';
import { formatAddress } from '../match/addresses.ts';

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
  /** Distinct fields in order, as written after `%`. */
  readonly fieldNames: readonly string[];
  /** Distinct fields that are read, those in transformers too. */
  readonly reads: readonly string[];
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
  /** Key in the alert's fields; undefined for transformers, which appear in the text only. */
  readonly key: string | undefined;
  readonly width: number | undefined;
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
  const parsed = operandPrefix(rest);
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
    },
  };
}

type Parsed = NonNullable<ReturnType<typeof operandPrefix>>;

/** The longest beginning of a name that is a field: `%evt.arg.uidX` is `%evt.arg.uid` and an X. */
function shorten<E>(parsed: Parsed, fields: FieldTable<E>): Parsed {
  const { expr } = parsed;
  if (expr.kind !== 'field' || expr.arg !== undefined || fields.lookup(expr.name, undefined).ok)
    return parsed;
  for (let length = expr.name.length - 1; length > 2; length--) {
    const name = expr.name.slice(0, length);
    if (fields.lookup(name, undefined).ok) return { expr: { ...expr, name }, length };
  }
  return parsed;
}

function makeFormat<E>(text: string, parts: readonly Part<E>[], lenient: boolean): OutputFormat<E> {
  const used = parts.flatMap((part) => (part.field === undefined ? [] : [part.field]));
  const names = new Set(used.map((field) => field.key).filter((key) => key !== undefined));
  return {
    text,
    fieldNames: [...names],
    reads: [...new Set(used.flatMap(({ operand }) => readsOf(operand)))],
    late: used.some(({ operand }) => isLate(operand)),
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
      }
      return { message, fields };
    },
  };
}

function readsOf<E>(operand: Operand<E>): string[] {
  if (operand.kind === 'field') return [operand.ref.text];
  return operand.kind === 'transform' ? operand.args.flatMap(readsOf) : [];
}

/** Whether an operand depends on metadata that may arrive late. */
export function isLate<E>(operand: Operand<E>): boolean {
  if (operand.kind === 'field') return operand.ref.spec.late === true;
  return operand.kind === 'transform' && operand.args.some(isLate);
}

/** The text of a value; undefined if it is missing. */
function showOperand<E>(operand: Operand<E>, value: Value | undefined, event: E): string | undefined {
  if (operand.kind === 'field' && operand.ref.spec.print !== undefined) {
    const text = operand.ref.spec.print(event, operand.ref.arg);
    return text === undefined ? undefined : fromBytes(text);
  }
  if (value === undefined) return undefined;
  const show = (scalar: Scalar): string => showScalar(operand, scalar);
  if (!Array.isArray(value)) return show(value as Scalar);
  return operand.any === undefined ? `(${value.map(show).join(',')})` : value.map(show).join(' ');
}

function showScalar<E>(operand: Operand<E>, value: Scalar): string {
  switch (operand.type) {
    case 'string':
    case 'path':
    case 'bytes':
      return fromBytes(String(value));
    case 'ip':
    case 'net':
      return formatAddress(String(value));
    case 'double':
      return Number(value).toFixed(1);
    default:
      return formatNumber(operand.kind === 'field' ? operand.ref.spec.format : undefined, value);
  }
}

function formatNumber(format: FieldSpec<unknown>['format'], value: Scalar): string {
  if (typeof value !== 'number' && typeof value !== 'bigint') return String(value);
  switch (format) {
    case 'hex':
      return BigInt.asUintN(64, BigInt(value)).toString(16).toUpperCase();
    case 'oct':
      return value.toString(8);
    case 'pad9':
      return value.toString().padStart(9, '0');
    default:
      return value.toString();
  }
}

/** The value as JSON has it: numbers and booleans keep their type, all else is text, missing is null. */
function jsonValue<E>(operand: Operand<E>, value: Value | undefined, event: E): FieldValue {
  if (operand.kind === 'field') {
    const { spec, arg } = operand.ref;
    if (spec.json !== undefined) return spec.json(event, arg) ?? null;
    // Candidates are one text, as in the message.
    if (operand.any !== undefined) return showOperand(operand, value, event) ?? null;
  }
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map((scalar) => jsonScalar(operand, scalar));
  const number = typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean';
  if (number) return jsonScalar(operand, value);
  return showOperand(operand, value, event) ?? null;
}

function jsonScalar<E>(operand: Operand<E>, value: Scalar): FieldValue {
  if (typeof value === 'string') return showScalar(operand, value);
  const format = operand.kind === 'field' ? operand.ref.spec.format : undefined;
  return format === undefined || format === 'dec' ? value : showScalar(operand, value);
}

/** Pads with blanks or cuts to a number of bytes. */
function pad(text: string, width: number): string {
  const bytes = toBytes(text);
  return bytes.length > width ? fromBytes(bytes.slice(0, width)) : text + ' '.repeat(width - bytes.length);
}
