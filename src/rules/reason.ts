/** Why a condition holds for an event, or does not: its tree with the values that decided. */
import type { Reason } from '../engine/core/reason.ts';
import type { Operand, Plan } from './check/plan.ts';
import { generateFilter } from './code/generate.ts';
import { compileOperand } from './code/operand.ts';
import type { Scalar, Value } from './field-spec.ts';
import { fromBytes } from './lang/bytes.ts';

const LIST_SHOWN = 8;

/** The reason for a checked condition on an event. */
export function reasonOf<E>(plan: Plan<E>, event: E): Reason {
  switch (plan.kind) {
    case 'constant':
      return { text: String(plan.value), holds: plan.value };
    case 'not': {
      const part = reasonOf(plan.child, event);
      return { text: 'not', holds: !part.holds, parts: [part] };
    }
    case 'and':
    case 'or':
      return logic(
        plan.kind,
        plan.children.map((child) => reasonOf(child, event)),
      );
    default:
      return { text: checkText(plan), holds: generateFilter(plan)(event), ...compared(plan, event) };
  }
}

function logic(kind: 'and' | 'or', parts: readonly Reason[]): Reason {
  const decisive = parts.findIndex((part) => part.holds === (kind === 'or'));
  return {
    text: kind,
    holds: decisive >= 0 === (kind === 'or'),
    parts: parts.map((part, i) => (i === decisive ? { ...part, decides: true } : part)),
  };
}

type Check<E> = Extract<Plan<E>, { kind: 'exists' | 'compare' | 'fields' }>;

function checkText<E>(plan: Check<E>): string {
  if (plan.kind === 'exists') return `${plan.operand.key} exists`;
  const modifier = plan.modifier === undefined ? '' : ` ${plan.modifier}`;
  if (plan.kind === 'fields') return `${plan.left.key} ${plan.op}${modifier} val(${plan.right.key})`;
  const texts = plan.constants.map((constant) => fromBytes(constant.text));
  const list =
    plan.op === 'in' || plan.op === 'pmatch' || plan.op === 'intersects' || plan.modifier !== undefined;
  const more = texts.length > LIST_SHOWN ? `, … ${texts.length - LIST_SHOWN} more` : '';
  const right = list ? `(${texts.slice(0, LIST_SHOWN).join(', ')}${more})` : (texts[0] ?? '');
  return `${plan.operand.key} ${plan.op}${modifier} ${right}`;
}

function compared<E>(plan: Check<E>, event: E): { readonly value: string | null } {
  const operand = plan.kind === 'fields' ? plan.left : plan.operand;
  const left = show(operand, event);
  if (plan.kind !== 'fields' || left === null) return { value: left };
  return { value: `${left} | ${show(plan.right, event) ?? 'missing'}` };
}

function show<E>(operand: Operand<E>, event: E): string | null {
  const value = compileOperand(operand)(event);
  if (value === undefined) return null;
  return Array.isArray(value)
    ? `(${(value as readonly Scalar[]).map((one) => scalar(one, operand)).join(', ')})`
    : scalar(value, operand);
}

function scalar<E>(value: Value, { type }: Operand<E>): string {
  if (typeof value !== 'string') return String(value);
  if (type === 'ip' || type === 'net')
    return Array.from(value, (c) => c.charCodeAt(0)).join(value.length === 4 ? '.' : ',');
  return fromBytes(value);
}

/** The tree as indented lines: what holds with +, what does not with -, the deciding branch with an arrow. */
export function reasonLines(reason: Reason, depth = 0): string[] {
  const mark = `${reason.decides ? '>' : ' '}${reason.holds ? '+' : '-'}`;
  const value = reason.value === undefined ? '' : `   [${reason.value ?? 'missing'}]`;
  const own = `${'  '.repeat(depth)}${mark} ${reason.text}${value}`;
  return [own, ...(reason.parts ?? []).flatMap((part) => reasonLines(part, depth + 1))];
}
