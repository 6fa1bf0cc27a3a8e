/** The fields that conditions and outputs read, and what follows from that. */
import type { OnDemand } from '../../sensors/calls/capture-plan.ts';
import type { FieldRef } from '../field-spec.ts';
import type { Operand, Plan } from './plan.ts';

/** The fields that operands read, those of transformers too. */
export function refsOf<E>(...operands: readonly Operand<E>[]): FieldRef<E>[] {
  return operands.flatMap((operand) => {
    if (operand.kind === 'field') return [operand.ref];
    return operand.kind === 'transform' ? refsOf(...operand.args) : [];
  });
}

/** The fields that a condition reads. */
export function refsOfPlan<E>(plan: Plan<E>): FieldRef<E>[] {
  const refs: FieldRef<E>[] = [];
  const seen = new Set<Plan<E>>();
  const visit = (part: Plan<E>): void => {
    if (seen.has(part)) return;
    seen.add(part);
    switch (part.kind) {
      case 'constant':
        return;
      case 'and':
      case 'or':
        part.children.forEach(visit);
        return;
      case 'not':
        visit(part.child);
        return;
      case 'exists':
      case 'compare':
        refs.push(...refsOf(part.operand));
        return;
      case 'fields':
        refs.push(...refsOf(part.left, part.right));
    }
  };
  visit(plan);
  return refs;
}

/** Whether one of the fields needs metadata that may arrive late. */
export const isLate = <E>(refs: readonly FieldRef<E>[]): boolean =>
  refs.some(({ spec }) => spec.late === true);

/** What the kernel must copy for fields. */
export const readsOf = <E>(refs: readonly FieldRef<E>[]): ReadonlySet<OnDemand> =>
  new Set(
    refs.flatMap(({ spec: { reads = [] }, arg }) => (typeof reads === 'function' ? reads(arg) : reads)),
  );
