import type { Operand, Plan } from '../check/plan.ts';

const NAMED = /^fd\.[cslr]ip\.name$/;

/** The domain names that conditions compare addresses with: those that the engine keeps resolved. */
export function addressNames<E>(conditions: Iterable<Plan<E>>): Set<string> {
  const names = new Set<string>();
  const isName = (operand: Operand<E>): boolean =>
    operand.kind === 'field' && NAMED.test(operand.ref.spec.name);
  const visit = (plan: Plan<E>): void => {
    switch (plan.kind) {
      case 'and':
      case 'or':
        plan.children.forEach(visit);
        break;
      case 'not':
        visit(plan.child);
        break;
      case 'compare':
        if (isName(plan.operand)) for (const { text } of plan.constants) names.add(text);
        break;
      default:
    }
  };
  for (const plan of conditions) visit(plan);
  return names;
}
