/** Syntax tree → canonical text: one blank around operators, every and/or in parentheses, macros replaced. */
import type { Expr, OperandExpr, RightExpr, TransformArg } from './ast.ts';
import { fromBytes } from './bytes.ts';

const SPECIAL = /[\b\f\n\r\t \\"']/;
const ESCAPE: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\\': '\\\\',
  '"': '\\"',
};

/** The canonical text of a condition; macro references are shown as the macro's condition. */
export function printExpr(expr: Expr): string {
  const out: string[] = [];
  print(expr, out);
  return fromBytes(out.join(''));
}

/** A value as Falco shows it: quoted if it is empty or has a blank, a quote or a backslash, and only then. */
export function printValue(value: string): string {
  if (value === '') return '""';
  if (!SPECIAL.test(value)) return value;
  return `"${value.replace(/[\b\f\n\r\t\\"]/g, (c) => ESCAPE[c]!)}"`;
}

/** A field or transformer expression as text. */
export function printOperand(operand: OperandExpr | TransformArg): string {
  switch (operand.kind) {
    case 'field':
      return operand.name + printArgument(operand.arg);
    case 'transform':
      return `${operand.name}(${operand.args.map(printOperand).join(', ')})${printArgument(operand.arg)}`;
    case 'literal':
      return operand.number
        ? operand.text
        : `"${operand.text.replace(/[\b\f\n\r\t\\"]/g, (c) => ESCAPE[c]!)}"`;
    case 'args':
      return `(${operand.args.map(printOperand).join(', ')})`;
  }
}

function printArgument(arg: string | undefined): string {
  return arg === undefined || arg === '' ? '' : `[${printValue(arg)}]`;
}

function printRight(right: RightExpr): string {
  switch (right.kind) {
    case 'value':
      return printValue(right.text);
    case 'list':
      return right.bare ? printValue(right.values[0]!) : `(${right.values.map(printValue).join(', ')})`;
    default:
      return printOperand(right);
  }
}

function print(expr: Expr, out: string[]): void {
  switch (expr.kind) {
    case 'and':
    case 'or':
      out.push('(');
      expr.children.forEach((child, i) => {
        if (i > 0) out.push(` ${expr.kind} `);
        print(child, out);
      });
      out.push(')');
      return;
    case 'not':
      out.push('not ');
      print(expr.child, out);
      return;
    case 'exists':
      out.push(printOperand(expr.left), ' exists');
      return;
    case 'check': {
      const modifier = expr.modifier === undefined ? '' : ` ${expr.modifier}`;
      out.push(`${printOperand(expr.left)} ${expr.op}${modifier} ${printRight(expr.right)}`);
      return;
    }
    case 'macro':
      if (expr.body === undefined) out.push(expr.name);
      else print(expr.body, out);
  }
}
