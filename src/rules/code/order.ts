/** What is dear to ask comes last among the parts of a condition: mostly the others have decided by then. */
import type { Operand, Plan } from '../check/plan.ts';

/** The parts in the order in which they are evaluated; equally dear ones stay as written. */
export function cheapFirst<E>(parts: readonly Plan<E>[]): readonly Plan<E>[] {
  const dear = parts.filter(isDear);
  return dear.length === 0 || dear.length === parts.length
    ? parts
    : [...parts.filter((part) => !dear.includes(part)), ...dear];
}

function isDear<E>(plan: Plan<E>): boolean {
  switch (plan.kind) {
    case 'constant':
      return false;
    case 'and':
    case 'or':
      // What stands first is asked first.
      return plan.children[0] !== undefined && isDear(plan.children[0]);
    case 'not':
      return isDear(plan.child);
    case 'fields':
      return asks(plan.left) || asks(plan.right);
    default:
      return asks(plan.operand);
  }
}

function asks<E>(operand: Operand<E>): boolean {
  if (operand.kind === 'transform') return operand.args.some(asks);
  return operand.kind === 'field' && operand.ref.spec.dear === true;
}
