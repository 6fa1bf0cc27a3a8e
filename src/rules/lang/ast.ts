/**
 * The syntax tree of a condition. All texts are byte strings; `at` is the byte offset in the condition.
 * Parentheses leave no node behind: they only decide the nesting.
 */
import type { BinaryOp, Modifier } from './operators.ts';
import type { TransformerName } from './transformers.ts';

export type Expr = LogicExpr | NotExpr | ExistsExpr | CheckExpr | MacroExpr;

export interface LogicExpr {
  readonly kind: 'and' | 'or';
  readonly children: readonly Expr[];
  readonly at: number;
}

export interface NotExpr {
  readonly kind: 'not';
  readonly child: Expr;
  readonly at: number;
}

export interface ExistsExpr {
  readonly kind: 'exists';
  readonly left: OperandExpr;
  readonly at: number;
}

export interface CheckExpr {
  readonly kind: 'check';
  readonly left: OperandExpr;
  readonly op: BinaryOp;
  readonly modifier?: Modifier;
  readonly right: RightExpr;
  readonly at: number;
}

/** A reference to a macro; `body` is there once it is resolved, and is shared by all references. */
export interface MacroExpr {
  readonly kind: 'macro';
  readonly name: string;
  readonly at: number;
  readonly body?: Expr;
}

export type OperandExpr = FieldExpr | TransformExpr;
export type RightExpr = ValueExpr | ListExpr | OperandExpr;

export interface FieldExpr {
  readonly kind: 'field';
  readonly name: string;
  readonly arg?: string;
  readonly at: number;
}

export interface TransformExpr {
  readonly kind: 'transform';
  /** `val` stands on the right side only. */
  readonly name: TransformerName | 'val';
  readonly args: readonly TransformArg[];
  readonly arg?: string;
  readonly at: number;
}

export type TransformArg =
  | OperandExpr
  | { readonly kind: 'literal'; readonly text: string; readonly number: boolean; readonly at: number }
  | { readonly kind: 'args'; readonly args: readonly TransformArg[]; readonly at: number };

export interface ValueExpr {
  readonly kind: 'value';
  readonly text: string;
  readonly at: number;
}

export interface ListExpr {
  readonly kind: 'list';
  readonly values: readonly string[];
  /** One word without parentheses; it is shown as it was written. */
  readonly bare?: true;
  readonly at: number;
}
