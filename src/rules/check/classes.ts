/** Classes of field types: what operators they have and what they can be compared with. */
import type { FieldType } from '../field-spec.ts';
import type { BinaryOp, OperandClass } from '../lang/operators.ts';
import type { PlanOp } from './plan.ts';

/** `==` is another spelling of `=`. */
export function normalizeOp(op: BinaryOp): PlanOp {
  return op === '==' ? '=' : op;
}

/** The class of a type, which decides the operators it has. */
export function typeClass(type: FieldType): OperandClass {
  switch (type) {
    case 'string':
    case 'path':
      return 'string';
    case 'int':
    case 'uint':
    case 'port':
    case 'time':
    case 'reltime':
      return 'number';
    default:
      return type;
  }
}

/** Types that two fields must share to be compared: text is text, other numbers keep their meaning. */
export function comparable(type: FieldType): string {
  if (type === 'path') return 'string';
  return type === 'uint' ? 'int' : type;
}

/** A class in words. */
export function describeClass(cls: OperandClass): string {
  const words: Readonly<Record<OperandClass, string>> = {
    number: 'a number',
    double: 'a number',
    bool: 'a boolean',
    string: 'a text',
    bytes: 'a byte buffer',
    ip: 'an IP address',
    net: 'a network',
    list: 'a list',
  };
  return words[cls];
}
