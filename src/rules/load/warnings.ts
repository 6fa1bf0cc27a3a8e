/** Warnings about legal conditions that do not need the field table. */
import type { Expr, OperandExpr } from '../lang/ast.ts';
import type { WarningCode } from './report.ts';

/** Fields that mean nothing any more, since rules see finished system calls only. */
export const DEPRECATED_FIELDS = [
  'evt.dir',
  'evt.latency',
  'evt.latency.s',
  'evt.latency.ns',
  'evt.latency.human',
  'evt.wait_latency',
];

const EQUALITY = ['=', '==', '!=', 'in', 'intersects', 'pmatch'];

export interface ConditionWarning {
  readonly code: WarningCode;
  readonly message: string;
}

/** Distinct warnings about a resolved condition. */
export function conditionWarnings(expr: Expr): ConditionWarning[] {
  const found = new Map<string, ConditionWarning>();
  visit(expr, found, new Set());
  return [...found.values()];
}

function visit(expr: Expr, found: Map<string, ConditionWarning>, seen: Set<Expr>): void {
  if (seen.has(expr)) return;
  seen.add(expr);
  switch (expr.kind) {
    case 'and':
    case 'or':
      for (const child of expr.children) visit(child, found, seen);
      return;
    case 'not':
      visit(expr.child, found, seen);
      return;
    case 'macro':
      if (expr.body !== undefined) visit(expr.body, found, seen);
      return;
    case 'exists':
      deprecated(expr.left, found);
      return;
    case 'check': {
      deprecated(expr.left, found);
      const { left, right, op } = expr;
      if (right.kind === 'field' || right.kind === 'transform') {
        deprecated(right, found);
        return;
      }
      const values = right.kind === 'list' ? right.values : [right.text];
      const unsafe = left.kind === 'field' && /^(?:ka|jevt)\./.test(left.name);
      if (unsafe && EQUALITY.includes(op) && values.includes('<NA>')) {
        const message =
          "comparing a field with <NA> is unsafe: use 'exists' to ask whether the field has a value";
        found.set('na', { code: 'LOAD_UNSAFE_NA_CHECK', message });
      }
    }
  }
}

function deprecated(operand: OperandExpr, found: Map<string, ConditionWarning>): void {
  if (operand.kind === 'transform') {
    for (const arg of operand.args)
      if (arg.kind === 'field' || arg.kind === 'transform') deprecated(arg, found);
    return;
  }
  if (!DEPRECATED_FIELDS.includes(operand.name)) return;
  const message = `usage of deprecated field '${operand.name}' has been detected in the rule condition`;
  found.set(operand.name, { code: 'LOAD_DEPRECATED_ITEM', message });
}
