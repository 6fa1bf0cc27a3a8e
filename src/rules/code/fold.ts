/** Specialises plans for one event type: tests of the event's name become constants and disappear. */
import { isEventType } from '../check/event-types.ts';
import type { Interner, Plan } from '../check/plan.ts';
import { compileMatcher } from './matcher.ts';
import { cheapFirst } from './order.ts';

/** A folder for one event name; equal parts of all plans are folded once. */
export class Folder<E> {
  private readonly plans: Interner<E>;
  private readonly eventName: string;
  private readonly known = new Map<number, Plan<E>>();

  constructor(plans: Interner<E>, eventName: string) {
    this.plans = plans;
    this.eventName = eventName;
  }

  fold(plan: Plan<E>): Plan<E> {
    let folded = this.known.get(plan.id);
    if (folded === undefined) {
      folded = this.compute(plan);
      this.known.set(plan.id, folded);
    }
    return folded;
  }

  private compute(plan: Plan<E>): Plan<E> {
    switch (plan.kind) {
      case 'and':
      case 'or':
        return this.logic(plan.kind, plan.children);
      case 'not': {
        const child = this.fold(plan.child);
        if (child.kind === 'constant') return this.plans.constant(!child.value);
        return child.kind === 'not' ? child.child : this.plans.not(child);
      }
      case 'compare': {
        // syscall.type is missing on events that are no system calls: only evt.type is certain here.
        const { operand } = plan;
        if (!isEventType(operand) || operand.key !== 'evt.type') return plan;
        return this.plans.constant(compileMatcher(plan.op, plan.modifier, plan.constants)(this.eventName));
      }
      default:
        return plan;
    }
  }

  /** Nested parts stay nested: most are macros, which other rules share. */
  private logic(kind: 'and' | 'or', children: readonly Plan<E>[]): Plan<E> {
    const kept: Plan<E>[] = [];
    for (const child of children) {
      const folded = this.fold(child);
      if (folded.kind === 'constant') {
        if (folded.value === (kind === 'or')) return folded;
      } else if (!kept.includes(folded)) {
        kept.push(folded);
      }
    }
    if (kept.length === 0) return this.plans.constant(kind === 'and');
    return kept.length === 1 ? kept[0]! : this.plans.logic(kind, cheapFirst(kept));
  }
}
