/**
 * The meaning of a checked condition, written down as plainly as possible. The reference that generated code is
 * compared with in tests; nothing else uses it.
 */
import type { Network } from '../engine/core/address.ts';
import type { Constant, Operand, Plan, PlanOp } from './check/plan.ts';
import { compileOperand } from './code/operand.ts';
import type { Scalar, Value } from './field-spec.ts';
import { asciiLower } from './lang/bytes.ts';
import type { Modifier } from './lang/operators.ts';
import { compileRegex } from './match/regex.ts';

/** Evaluates a plan for an event. */
export function interpret<E>(plan: Plan<E>, event: E): boolean {
  switch (plan.kind) {
    case 'constant':
      return plan.value;
    case 'and':
      return plan.children.every((child) => interpret(child, event));
    case 'or':
      return plan.children.some((child) => interpret(child, event));
    case 'not':
      return !interpret(plan.child, event);
    case 'exists':
      return read(plan.operand, event) !== undefined;
    case 'compare': {
      const value = read(plan.operand, event);
      if (value === undefined) return false;
      return range(plan.operand, plan.op, value, (scalar) =>
        holds(scalar, plan.op, plan.modifier, plan.constants),
      );
    }
    case 'fields': {
      const left = read(plan.left, event);
      const right = read(plan.right, event);
      if (left === undefined || right === undefined) return false;
      const constants = list(right).map((value) => ({ text: '', value }));
      return range(plan.left, plan.op, left, (scalar) => holds(scalar, plan.op, plan.modifier, constants));
    }
  }
}

function read<E>(operand: Operand<E>, event: E): Value | undefined {
  return compileOperand(operand)(event);
}

function list(value: Value): readonly Scalar[] {
  return Array.isArray(value) ? value : [value as Scalar];
}

/** Lists: `in` needs every element. Candidates: any of them, for `!=` possibly all of them. */
function range<E>(operand: Operand<E>, op: PlanOp, value: Value, test: (scalar: Scalar) => boolean): boolean {
  const values = list(value);
  if (operand.list) return op === 'in' ? values.every(test) : values.some(test);
  if (op === '!=' && operand.any?.notEqual === 'every') return values.length > 0 && values.every(test);
  return values.some(test);
}

function holds(
  value: Scalar,
  op: PlanOp,
  modifier: Modifier | undefined,
  constants: readonly Constant[],
): boolean {
  if (modifier !== undefined) {
    const count = constants.filter((constant) => holds(value, op, undefined, [constant])).length;
    if (modifier === 'oneof') return count === 1;
    return count > 0 && (modifier === 'anyof' || count === constants.length);
  }
  const equal = (): boolean => constants.some((constant) => equals(value, constant.value));
  if (op === '=' || op === 'in' || op === 'intersects') return equal();
  if (op === '!=') return !equal();
  if (op === 'pmatch') return constants.some((constant) => isUnder(String(value), String(constant.value)));
  const first = constants[0];
  return first !== undefined && binary(value, op, first.value as Scalar);
}

function equals(value: Scalar, constant: Scalar | Network): boolean {
  if (typeof constant !== 'object') return value === constant;
  const bits = (bytes: string): string =>
    Array.from(bytes, (c) => c.charCodeAt(0).toString(2).padStart(8, '0')).join('');
  const address = String(value);
  if (address.length !== constant.address.length) return false;
  return bits(address).slice(0, constant.prefix) === bits(constant.address).slice(0, constant.prefix);
}

function binary(value: Scalar, op: PlanOp, x: Scalar): boolean {
  const v = String(value);
  const text = String(x);
  switch (op) {
    case '<':
      return value < x;
    case '<=':
      return value <= x;
    case '>':
      return value > x;
    case '>=':
      return value >= x;
    case 'contains':
    case 'bcontains':
      return v.includes(text);
    case 'icontains':
      return asciiLower(v).includes(asciiLower(text));
    case 'startswith':
    case 'bstartswith':
      return v.startsWith(text);
    case 'endswith':
      return v.endsWith(text);
    case 'glob':
      return globRegExp(text).test(v);
    case 'iglob':
      return globRegExp(asciiLower(text)).test(asciiLower(v));
    case 'regex': {
      const compiled = compileRegex(text);
      return compiled.ok && compiled.matches(v);
    }
    default:
      return false;
  }
}

/** A glob as a regular expression: exponential at worst, hence for tests only. */
function globRegExp(glob: string): RegExp {
  const quote = (text: string): string => text.replace(/[\\^$.*+?()[\]{}|/-]/g, '\\$&');
  let source = '';
  for (let i = 0; i < glob.length; i++) {
    const c = glob[i]!;
    const set = c === '[' ? /^\[([!^]?)(\]?(?:\\.|[^\]\\])*)\]/s.exec(glob.slice(i)) : null;
    if (c === '*') source += '[^]*';
    else if (c === '?') source += '[^]';
    else if (set !== null && set[2] !== '') {
      const body = set[2]!.replace(/^\]/, '\\]').replace(/\[/g, '\\[').replace(/\^/g, '\\^');
      source += `[${set[1] === '' ? '' : '^'}${body}]`;
      i += set[0].length - 1;
    } else if (c === '\\' && i + 1 < glob.length) source += quote(glob[++i]!);
    else source += quote(c);
  }
  return new RegExp(`^(?:${source})$`);
}

function isUnder(path: string, prefix: string): boolean {
  const parts = (text: string): string[] => text.split('/').filter((part) => part !== '');
  const above = parts(prefix);
  if (above.length === 0) return prefix.startsWith('/') && path.startsWith('/');
  const below = parts(path);
  return above.length <= below.length && above.every((part, i) => globRegExp(part).test(below[i]!));
}
