/** How values of fields look in the text of an output and in the alert's fields. */
import { formatAddress } from '../../engine/core/address.ts';
import type { FieldValue } from '../../engine/core/alert.ts';
import type { Operand } from '../check/plan.ts';
import type { FieldSpec, Scalar, Value } from '../field-spec.ts';
import { fromBytes, toBytes } from '../lang/bytes.ts';

/** The text of a value; undefined if it is missing. */
export function showOperand<E>(operand: Operand<E>, value: Value | undefined, event: E): string | undefined {
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
export function jsonValue<E>(operand: Operand<E>, value: Value | undefined, event: E): FieldValue {
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
export function pad(text: string, width: number): string {
  const bytes = toBytes(text);
  return bytes.length > width ? fromBytes(bytes.slice(0, width)) : text + ' '.repeat(width - bytes.length);
}
