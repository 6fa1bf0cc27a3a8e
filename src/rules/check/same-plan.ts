import type { Operand, Plan } from './plan.ts';

/** Says whether a plan of one rule set means what a plan of another does. Parts that rules share are compared once. */
export function planComparison<E>(): (a: Plan<E>, b: Plan<E>) => boolean {
  const known = new Map<Plan<E>, { readonly other: Plan<E>; readonly same: boolean }>();
  const same = (a: Plan<E>, b: Plan<E>): boolean => {
    const before = known.get(a);
    if (before?.other === b) return before.same;
    const answer = compare(a, b);
    known.set(a, { other: b, same: answer });
    return answer;
  };
  const compare = (a: Plan<E>, b: Plan<E>): boolean => {
    switch (a.kind) {
      case 'constant':
        return b.kind === a.kind && a.value === b.value;
      case 'and':
      case 'or':
        return b.kind === a.kind && alike(a.children, b.children, same);
      case 'not':
        return b.kind === a.kind && same(a.child, b.child);
      case 'exists':
        return b.kind === a.kind && sameOperand(a.operand, b.operand);
      case 'compare':
        return (
          b.kind === a.kind &&
          a.op === b.op &&
          a.modifier === b.modifier &&
          sameOperand(a.operand, b.operand) &&
          alike(a.constants, b.constants, (x, y) => x.text === y.text)
        );
      case 'fields':
        return (
          b.kind === a.kind &&
          a.op === b.op &&
          a.modifier === b.modifier &&
          sameOperand(a.left, b.left) &&
          sameOperand(a.right, b.right)
        );
    }
  };
  return same;
}

function sameOperand<E>(a: Operand<E>, b: Operand<E>): boolean {
  return a.key === b.key;
}

function alike<T>(a: readonly T[], b: readonly T[], same: (a: T, b: T) => boolean): boolean {
  return a.length === b.length && a.every((item, i) => same(item, b[i]!));
}
