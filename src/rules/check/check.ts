/** Type checking: a resolved syntax tree becomes a plan, or a list of faults with positions. */

import { nearestOf } from '../../engine/core/nearest.ts';
import type { CheckExpr, Expr, OperandExpr } from '../lang/ast.ts';
import { fromBytes } from '../lang/bytes.ts';
import { type BinaryOp, operatorInfo } from '../lang/operators.ts';
import { printOperand } from '../lang/print.ts';
import { compileRegex } from '../match/regex.ts';
import { comparable, describeClass, normalizeOp, typeClass } from './classes.ts';
import { isEventType } from './event-types.ts';
import type { Fault } from './faults.ts';
import { convertLiteral, parseHexBytes, USE_NET } from './literals.ts';
import { type CheckContext, OperandChecker } from './operands.ts';
import type { Constant, Operand, Plan } from './plan.ts';

export interface Checked<E> {
  /** Absent if there are faults. */
  readonly plan?: Plan<E>;
  readonly faults: readonly Fault[];
  /** Things that are legal and probably not meant. */
  readonly hints: readonly Fault[];
}

/** Checks conditions; macros are checked once, however often they are referred to. */
export class Checker<E> {
  private readonly context: CheckContext<E>;
  private readonly macros = new Map<Expr, Checked<E>>();

  constructor(context: CheckContext<E>) {
    this.context = context;
  }

  check(expr: Expr): Checked<E> {
    return this.run(expr, undefined);
  }

  /** Checks a field or transformer call by itself: in an output format, or as the left side of some condition. */
  operand(expr: OperandExpr, side: 'left' | 'output'): { operand?: Operand<E>; faults: readonly Fault[] } {
    const scope = new Scope(this.context, undefined, (body, name) => this.macro(body, name));
    const operand = scope.operand(expr, side);
    return { faults: scope.faults, ...(operand === undefined ? {} : { operand }) };
  }

  private run(expr: Expr, macro: string | undefined): Checked<E> {
    const scope = new Scope(this.context, macro, (body, name) => this.macro(body, name));
    const plan = scope.expr(expr);
    const { faults, hints } = scope;
    return faults.length > 0 || plan === undefined ? { faults, hints } : { plan, faults, hints };
  }

  private macro(body: Expr, name: string): Checked<E> {
    let result = this.macros.get(body);
    if (result === undefined) {
      result = this.run(body, name);
      this.macros.set(body, result);
    }
    return result;
  }
}

class Scope<E> extends OperandChecker<E> {
  private readonly inner: (body: Expr, name: string) => Checked<E>;

  constructor(
    context: CheckContext<E>,
    macro: string | undefined,
    inner: (body: Expr, name: string) => Checked<E>,
  ) {
    super(context, macro);
    this.inner = inner;
  }

  expr(expr: Expr): Plan<E> | undefined {
    const { plans } = this.context;
    switch (expr.kind) {
      case 'and':
      case 'or': {
        const children = expr.children.map((child) => this.expr(child));
        return children.every((child) => child !== undefined) ? plans.logic(expr.kind, children) : undefined;
      }
      case 'not': {
        const child = this.expr(expr.child);
        return child === undefined ? undefined : plans.not(child);
      }
      case 'exists': {
        const operand = this.operand(expr.left, 'left');
        return operand === undefined ? undefined : plans.exists(operand);
      }
      case 'check':
        return this.comparison(expr);
      case 'macro': {
        if (expr.body === undefined) {
          return this.fault('type', `undefined macro '${expr.name}'`, expr.at);
        }
        const result = this.inner(expr.body, expr.name);
        this.faults.push(...result.faults);
        this.hints.push(...result.hints);
        return result.plan;
      }
    }
  }

  private comparison(expr: CheckExpr): Plan<E> | undefined {
    const left = this.operand(expr.left, 'left');
    if (left === undefined) return undefined;
    const { op, modifier, right } = expr;
    const allowed = this.checkOperator(left, op, expr.left, expr.at);
    if (right.kind === 'field' || right.kind === 'transform')
      return this.fieldRight(expr, left, right, allowed);
    const texts = right.kind === 'list' ? right.values : [right.text];
    for (const text of texts) this.hintAtValue(text, right.at);
    if (!allowed) return undefined;
    const constants: Constant[] = [];
    let good = true;
    for (const text of texts) {
      const values = this.constant(left, op, text, right.at);
      if (values === undefined) good = false;
      else constants.push(...values);
    }
    if (!good) return undefined;
    return this.context.plans.compare({ operand: left, op: normalizeOp(op), modifier, constants });
  }

  private fieldRight(
    expr: CheckExpr,
    left: Operand<E>,
    rightExpr: OperandExpr,
    allowed: boolean,
  ): Plan<E> | undefined {
    const right = this.operand(rightExpr, 'right');
    if (right === undefined) return undefined;
    const { op, modifier } = expr;
    const at = rightExpr.at;
    if (op === 'pmatch' || op === 'regex') {
      return this.fault('type', `the operator ${op} needs constants on its right side`, at);
    }
    if (isEventType(left)) return this.fault('type', `${left.key} can be compared with event names only`, at);
    if (left.type === 'net') return this.fault('type', `${left.key} can be compared with networks only`, at);
    if (left.any !== undefined && left.list) {
      return this.fault('type', `${left.key} cannot be compared with a field`, at);
    }
    if (typeClass(left.type) !== typeClass(right.type) || comparable(left.type) !== comparable(right.type)) {
      return this.fault(
        'type',
        `${left.key} is of type ${left.type}, ${right.key} of type ${right.type}`,
        at,
      );
    }
    const listOp = op === 'in' || op === 'intersects';
    if (right.list && !listOp) {
      return this.fault('type', `${right.key} is a list: use in or intersects`, at);
    }
    if (!allowed) return undefined;
    return this.context.plans.fields({ left, op: normalizeOp(op), modifier, right });
  }

  /** Whether the operator fits the operand; the fault is recorded if not. */
  private checkOperator(operand: Operand<E>, op: BinaryOp, expr: OperandExpr, at: number): boolean {
    const cls = operand.list ? 'list' : typeClass(operand.type);
    const info = operatorInfo(op);
    if (info?.classes.includes(cls) === true) return true;
    const usable = [
      '=',
      '!=',
      '<',
      'contains',
      'startswith',
      'glob',
      'in',
      'intersects',
      'pmatch',
      'exists',
    ].filter((name) => operatorInfo(name)?.classes.includes(cls));
    this.fault(
      'type',
      `the operator ${op} cannot be used on ${printOperand(expr)}, which is ${describeClass(cls)}`,
      at,
      `use one of ${usable.join(' ')}${cls === 'ip' ? `; ${USE_NET}` : ''}`,
    );
    return false;
  }

  private constant(
    left: Operand<E>,
    op: BinaryOp,
    text: string,
    at: number,
  ): readonly Constant[] | undefined {
    const bad = (message: string, help?: string): undefined => this.fault('type', message, at, help);
    if (isEventType(left) && op !== 'contains' && op !== 'startswith' && op !== 'endswith') {
      return this.eventName(text, op, at);
    }
    if (op === 'bcontains' || op === 'bstartswith') {
      const value = parseHexBytes(text);
      if (value !== undefined) return [{ text, value }];
      return bad(`'${fromBytes(text)}' is not an even number of hexadecimal digits`);
    }
    if (op === 'regex') {
      const compiled = compileRegex(text);
      if (!compiled.ok) return bad(`invalid regular expression '${fromBytes(text)}': ${compiled.error}`);
      this.hintAtRegex(text, at);
      return [{ text, value: text }];
    }
    const format = left.kind === 'field' ? left.ref.spec.format : undefined;
    const converted = convertLiteral(left.type, format, text);
    if ('error' in converted) return bad(`${left.key}: ${converted.error}`, converted.help);
    const equality = op === '=' || op === '==' || op === '!=' || op === 'in' || op === 'intersects';
    const values = equality ? converted : converted.slice(0, 1);
    return values.map((value) => ({ text, value }));
  }

  private eventName(text: string, op: BinaryOp, at: number): readonly Constant[] | undefined {
    const name = fromBytes(text);
    const exact = op === '=' || op === '==' || op === '!=' || op === 'in' || op === 'intersects';
    if (!exact) return [{ text, value: text }];
    const code = this.context.events.code(name);
    // The name of a call stands for the event that it raises.
    if (code !== undefined) return [{ text, value: this.context.events.names[code]! }];
    const near = nearestOf(name, this.context.events.names, 3);
    const help = near.length > 0 ? `did you mean ${near.join(', ')}?` : undefined;
    return this.fault('unknown', `unknown event type ${name}`, at, help);
  }

  private hintAtValue(text: string, at: number): void {
    const name = fromBytes(text).trim();
    if (this.context.fields.has(name)) {
      this.hint(
        `'${fromBytes(text)}' may be a valid field misused as a const string value`,
        at,
        `write val(${name})`,
      );
    } else if (/^(?:val|tolower|toupper|b64|basename|len|join|concat|getopt)\(.*\)$/.test(name)) {
      this.hint(`'${fromBytes(text)}' may be a valid field transformer misused as a const string value`, at);
    }
  }

  /** A literal, possibly anchored, with at most one wildcard at either end, needs no regular expression. */
  private hintAtRegex(text: string, at: number): void {
    const simple = /^\^?(\.[*+?])?[^.\\[\](){}|?+*^$]+(\.[*+?])?\$?$/.exec(text);
    if (simple === null) return;
    const [, head, tail] = simple;
    const simpler = head && tail ? 'contains' : head ? 'endswith' : tail ? 'startswith' : '=';
    const message = `regex check with '${fromBytes(text)}' may be optimized with simpler operators such as ${simpler}`;
    this.hint(message, at);
  }
}
