/**
 * Condition text → syntax tree. Recursive descent over a byte string, in linear time and with a limit on nesting.
 * The language has no separate tokens (a bare value may contain almost anything), so lexing happens in place.
 */
import type {
  CheckExpr,
  Expr,
  FieldExpr,
  OperandExpr,
  RightExpr,
  TransformArg,
  TransformExpr,
} from './ast.ts';
import { toBytes } from './bytes.ts';
import { syntaxHint } from './hint.ts';
import { Lexer, SyntaxFault } from './lexer.ts';
import { type BinaryOp, isModifier, LIST_OPS, type Modifier, NUMBER_OPS, STRING_OPS } from './operators.ts';
import { TRANSFORMERS, type TransformerName } from './transformers.ts';

/** Nested parentheses, negations and transformer calls that a condition may have. */
export const MAX_DEPTH = 1000;

export type ParseResult =
  | { readonly ok: true; readonly expr: Expr }
  | { readonly ok: false; readonly error: string; readonly at: number; readonly help?: string };

const FIELD = /[a-zA-Z]+[a-zA-Z0-9_]*(?:\.[a-zA-Z]+[a-zA-Z0-9_]*)+/y;
const IDENT = /[a-zA-Z][a-zA-Z0-9_]*/y;
const ARG = /[^[\]"' \t\n\v\f\r\0]+/y;
const HEX = /0[xX][0-9a-fA-F]+/y;
const NUMBER = /[+-]?[0-9]+\.?[0-9]*(?:[eE][+-][0-9]+)?/y;
const TRANSFORMER = new RegExp(`(?:${TRANSFORMERS.join('|')})(?=\\()`, 'y');
const WORD_AFTER_OPERATOR = ' \t\b\r\n';
const WORD_OPS = STRING_OPS.filter((op) => /^[a-z]/.test(op));
const SYMBOL_OPS = STRING_OPS.filter((op) => !/^[a-z]/.test(op));

/** Parses a condition given as a byte string. Never throws. */
export function parseBytes(input: string): ParseResult {
  try {
    return { ok: true, expr: new Parser(input).parse() };
  } catch (error) {
    if (!(error instanceof SyntaxFault)) throw error;
    const help = syntaxHint(input, error.at);
    return { ok: false, error: error.message, at: error.at, ...(help === undefined ? {} : { help }) };
  }
}

/** Parses a condition given as text; `at` counts bytes of its UTF-8 form. */
export function parseCondition(text: string): ParseResult {
  return parseBytes(toBytes(text));
}

/** The field or transformer call that a text begins with, and its length in bytes. */
export function operandPrefix(input: string): { expr: OperandExpr; length: number } | undefined {
  try {
    return new Parser(input).operandPrefix();
  } catch (error) {
    if (error instanceof SyntaxFault) return undefined;
    throw error;
  }
}

class Parser extends Lexer {
  private depth = 0;

  parse(): Expr {
    if (this.input.length === 0) this.fail('the condition is empty');
    const expr = this.parseOr();
    if (this.pos < this.input.length) {
      this.fail(`unexpected ${this.here()}: expected 'and', 'or' or the end of the condition`);
    }
    return expr;
  }

  operandPrefix(): { expr: OperandExpr; length: number } | undefined {
    const expr = this.tryOperand();
    return expr === undefined ? undefined : { expr, length: this.pos };
  }

  private parseOr(): Expr {
    return this.parseChain('or');
  }

  /** One loop for `or` (of `and` chains) and `and` (of negatable checks). */
  private parseChain(word: 'or' | 'and'): Expr {
    const at = this.pos;
    this.blank();
    const first = word === 'or' ? this.parseChain('and') : this.parseNot();
    this.blank();
    let children: Expr[] | undefined;
    while (this.take(word)) {
      let child: Expr;
      if (this.blank()) {
        child = word === 'or' ? this.parseChain('and') : this.parseNot();
      } else if (this.take('(')) {
        child = this.parseParenthesis();
      } else {
        return this.fail(`expected a blank or '(' after '${word}'`);
      }
      children ??= [first];
      children.push(child);
      this.blank();
    }
    return children === undefined ? first : { kind: word, children, at };
  }

  private parseNot(): Expr {
    this.blank();
    const at = this.pos;
    let negated = false;
    for (;;) {
      if (!this.input.startsWith('not', this.pos)) break;
      const next = this.input[this.pos + 3];
      if (next === '(') {
        this.pos += 4;
        const child = this.parseParenthesis();
        return negated ? child : { kind: 'not', child, at };
      }
      if (next === undefined || !' \t\b\r\n\v\f'.includes(next)) break;
      this.pos += 3;
      while (this.pos < this.input.length && ' \t\b\r\n\v\f'.includes(this.input[this.pos]!)) this.pos++;
      negated = !negated;
    }
    const child = this.parsePrimary();
    return negated ? { kind: 'not', child, at } : child;
  }

  private parseParenthesis(): Expr {
    this.enter();
    const expr = this.parseOr();
    if (!this.take(')')) this.fail(`expected ')', found ${this.here()}`);
    this.depth--;
    return expr;
  }

  private parsePrimary(): Expr {
    const at = this.pos;
    if (this.take('(')) return this.parseParenthesis();
    const left = this.tryOperand();
    if (left !== undefined) return this.parseCheck(left, at);
    const name = this.match(IDENT);
    if (name === undefined) this.fail(`expected '(', a field or a macro, found ${this.here()}`);
    return { kind: 'macro', name: name as string, at };
  }

  private tryOperand(): OperandExpr | undefined {
    const at = this.pos;
    const field = this.match(FIELD);
    if (field !== undefined) return this.fieldRest(field, at);
    const transformer = this.match(TRANSFORMER);
    if (transformer !== undefined) return this.transformRest(transformer as TransformerName, at);
    return undefined;
  }

  private fieldRest(name: string, at: number): FieldExpr {
    const arg = this.tryArgument();
    return arg === undefined ? { kind: 'field', name, at } : { kind: 'field', name, arg, at };
  }

  private tryArgument(): string | undefined {
    if (!this.take('[')) return undefined;
    const arg = this.tryQuoted() ?? this.match(ARG);
    if (arg === undefined) return this.fail(`expected an argument in brackets, found ${this.here()}`);
    if (!this.take(']')) this.fail(`expected ']', found ${this.here()}`);
    return arg;
  }

  private transformRest(name: TransformerName, at: number): TransformExpr {
    this.pos++; // the parenthesis that the pattern looked ahead to
    const args = this.transformArgs(false);
    const arg = this.tryArgument();
    return arg === undefined
      ? { kind: 'transform', name, args, at }
      : { kind: 'transform', name, args, arg, at };
  }

  /** Arguments up to the closing parenthesis. A group may be empty and holds no groups. */
  private transformArgs(group: boolean): TransformArg[] {
    this.enter();
    const args: TransformArg[] = [];
    this.blank();
    if (!(group && this.take(')'))) {
      do {
        args.push(this.transformArg(group));
        this.blank();
      } while (this.take(','));
      if (!this.take(')')) this.fail(`expected ')' or ',' in the arguments, found ${this.here()}`);
    }
    this.depth--;
    return args;
  }

  private transformArg(inGroup: boolean): TransformArg {
    this.blank();
    const at = this.pos;
    const operand = this.tryOperand();
    if (operand !== undefined) return operand;
    const text = this.tryQuoted();
    if (text !== undefined) return { kind: 'literal', text, number: false, at };
    const number = this.match(HEX) ?? this.match(NUMBER);
    if (number !== undefined) return { kind: 'literal', text: number, number: true, at };
    if (!inGroup && this.take('(')) return { kind: 'args', args: this.transformArgs(true), at };
    return this.fail(`expected a field, a transformer, a quoted text or a number, found ${this.here()}`);
  }

  private parseCheck(left: OperandExpr, at: number): Expr {
    this.blank();
    if (this.take('exists')) return { kind: 'exists', left, at };
    const number = this.takeOneOf(NUMBER_OPS);
    if (number !== undefined) return this.check(left, number, this.numberRight(), at);
    const text = this.takeStringOp();
    if (text !== undefined) {
      const listed = this.tryModifierList();
      if (listed !== undefined) {
        return { kind: 'check', left, op: text, modifier: listed.modifier, right: listed.right, at };
      }
      return this.check(left, text, this.valueRight(), at);
    }
    const list = this.takeOneOf(LIST_OPS);
    if (list !== undefined) return this.check(left, list, this.listRight(), at);
    return this.fail(`expected an operator, found ${this.here()}`);
  }

  private check(left: OperandExpr, op: BinaryOp, right: RightExpr, at: number): CheckExpr {
    return { kind: 'check', left, op, right, at };
  }

  private takeStringOp(): BinaryOp | undefined {
    const symbol = this.takeOneOf(SYMBOL_OPS);
    if (symbol !== undefined) return symbol;
    for (const op of WORD_OPS) {
      const next = this.input[this.pos + op.length];
      if (next !== undefined && WORD_AFTER_OPERATOR.includes(next) && this.take(op)) return op;
    }
    return undefined;
  }

  /** `oneof (…)`; the word alone, or before and/or/not, is an ordinary value. */
  private tryModifierList(): { modifier: Modifier; right: RightExpr } | undefined {
    const start = this.pos;
    this.blank();
    const word = this.match(IDENT);
    if (word !== undefined && isModifier(word)) {
      const spaced = this.blank();
      const at = this.pos;
      if (this.take('(')) return { modifier: word, right: this.listRest(at) };
      const name = spaced ? this.match(IDENT) : undefined;
      if (name !== undefined && name !== 'and' && name !== 'or' && name !== 'not') {
        return { modifier: word, right: { kind: 'list', values: [name], bare: true, at } };
      }
    }
    this.pos = start;
    return undefined;
  }

  private numberRight(): RightExpr {
    this.blank();
    const operand = this.tryRightOperand();
    if (operand !== undefined) return operand;
    const at = this.pos;
    const text = this.match(HEX) ?? this.match(NUMBER);
    if (text === undefined) return this.fail(`expected a number or val(field), found ${this.here()}`);
    return { kind: 'value', text, at };
  }

  private valueRight(): RightExpr {
    this.blank();
    const operand = this.tryRightOperand();
    if (operand !== undefined) return operand;
    const at = this.pos;
    const text = this.tryValue();
    if (text === undefined) return this.fail(`expected a value or val(field), found ${this.here()}`);
    return { kind: 'value', text, at };
  }

  private listRight(): RightExpr {
    this.blank();
    const at = this.pos;
    if (this.take('(')) return this.listRest(at);
    const operand = this.tryRightOperand();
    if (operand !== undefined) return operand;
    const name = this.match(IDENT);
    if (name === undefined)
      return this.fail(`expected a list, a list name or val(field), found ${this.here()}`);
    return { kind: 'list', values: [name], bare: true, at };
  }

  private listRest(at: number): RightExpr {
    const values: string[] = [];
    this.blank();
    const first = this.tryValue();
    if (first !== undefined) {
      values.push(first);
      this.blank();
      while (this.take(',')) {
        this.blank();
        const value = this.tryValue();
        if (value === undefined) return this.fail(`expected a value after ',', found ${this.here()}`);
        values.push(value);
        this.blank();
      }
    }
    if (!this.take(')')) this.fail(`expected ')' or ',' in the list, found ${this.here()}`);
    return { kind: 'list', values, at };
  }

  private tryRightOperand(): OperandExpr | undefined {
    const at = this.pos;
    if (this.take('val(')) {
      this.blank();
      const fieldAt = this.pos;
      const name = this.match(FIELD);
      if (name === undefined) return this.fail(`expected a field in val(), found ${this.here()}`);
      const field = this.fieldRest(name, fieldAt);
      this.blank();
      if (!this.take(')')) this.fail(`expected ')', found ${this.here()}`);
      return { kind: 'transform', name: 'val', args: [field], at };
    }
    const transformer = this.match(TRANSFORMER);
    return transformer === undefined ? undefined : this.transformRest(transformer as TransformerName, at);
  }

  private enter(): void {
    if (++this.depth > MAX_DEPTH) this.fail(`the condition is nested more than ${MAX_DEPTH} levels deep`);
  }
}
