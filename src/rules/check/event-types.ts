/** Which events can satisfy a condition at all: rules are filed under these only. */
import type { EventNames } from '../field-spec.ts';
import { fromBytes } from '../lang/bytes.ts';
import type { ComparePlan, Operand, Plan } from './plan.ts';

/** Whether an operand is the event's name. */
export function isEventType<E>(operand: Operand<E>): boolean {
  if (operand.kind !== 'field' || operand.ref.arg !== undefined) return false;
  return operand.ref.spec.name === 'evt.type' || operand.ref.spec.name === 'syscall.type';
}

/** Event codes; undefined means all. */
export type Codes = ReadonlySet<number> | undefined;

/** The event codes that can satisfy plans of one interner. Each distinct part is looked at once. */
export class EventTypes<E> {
  private readonly events: EventNames;
  private readonly known = new Map<number, Codes>();

  constructor(events: EventNames) {
    this.events = events;
  }

  of(plan: Plan<E>, negated = false): Codes {
    const key = plan.id * 2 + (negated ? 1 : 0);
    if (this.known.has(key)) return this.known.get(key);
    const codes = this.compute(plan, negated);
    this.known.set(key, codes);
    return codes;
  }

  private compute(plan: Plan<E>, negated: boolean): Codes {
    switch (plan.kind) {
      case 'constant':
        return plan.value === negated ? new Set() : undefined;
      case 'not':
        return this.of(plan.child, !negated);
      case 'and':
      case 'or': {
        const parts = plan.children.map((child) => this.of(child, negated));
        return (plan.kind === 'and') === negated ? union(parts) : intersection(parts);
      }
      case 'exists':
      case 'fields':
        return undefined;
      case 'compare':
        return this.comparison(plan, negated);
    }
  }

  private comparison(plan: ComparePlan<E>, negated: boolean): Codes {
    if (isEventNumber(plan.operand)) return !negated && isImpossible(plan) ? new Set() : undefined;
    if (!isEventType(plan.operand) || plan.modifier !== undefined) return undefined;
    if (plan.op !== '=' && plan.op !== '!=' && plan.op !== 'in' && plan.op !== 'intersects') return undefined;
    const named = new Set(
      plan.constants
        .map((constant) => this.events.code(fromBytes(constant.text)))
        .filter((code) => code !== undefined),
    );
    return (plan.op === '!=') === negated ? named : this.complement(named);
  }

  private complement(named: ReadonlySet<number>): ReadonlySet<number> {
    const rest = new Set<number>();
    for (let code = 0; code < this.events.names.length; code++) if (!named.has(code)) rest.add(code);
    return rest;
  }
}

function isEventNumber<E>(operand: Operand<E>): boolean {
  return operand.kind === 'field' && operand.ref.spec.name === 'evt.num' && operand.ref.arg === undefined;
}

/** `evt.num` counts from 1: comparisons that only 0 could satisfy. */
function isImpossible<E>(plan: ComparePlan<E>): boolean {
  const values = plan.constants.map((constant) => constant.value as number | bigint);
  if (plan.op === '=' || plan.op === 'in' || plan.op === 'intersects')
    return values.every((value) => value === 0);
  if (plan.op === '<') return values[0]! <= 1;
  if (plan.op === '<=') return values[0]! < 1;
  return false;
}

function union(parts: readonly Codes[]): Codes {
  const all = new Set<number>();
  for (const part of parts) {
    if (part === undefined) return undefined;
    for (const code of part) all.add(code);
  }
  return all;
}

function intersection(parts: readonly Codes[]): Codes {
  let result: Codes;
  for (const part of parts) {
    if (part === undefined) continue;
    result = result === undefined ? part : new Set([...result].filter((code) => part.has(code)));
  }
  return result;
}
