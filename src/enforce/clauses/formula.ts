import type { Check, Condition } from './condition.ts';
import { decide } from './decide.ts';
import type { Purpose } from './decision.ts';
import { type OperationName, operation } from './operations.ts';
import type { Decision, Term } from './term.ts';

/** A condition in negation normal form over kernel tests. For detection, what is not known is `true`. */
export type Formula =
  | { readonly kind: 'true' | 'false' }
  | { readonly kind: 'literal'; readonly term: Term; readonly negated: boolean }
  | { readonly kind: 'and' | 'or'; readonly items: readonly Formula[] };

/** Where one check of a condition is decided, for `explain` and for the errors of denying rules. */
export interface CheckNote {
  readonly text: string;
  /** `kernel`: exactly there; `bounded`: the kernel knows a necessary condition; `user`: only user space knows. */
  readonly where: 'kernel' | 'bounded' | 'user';
  readonly reason?: string;
  readonly instead?: string;
}

export interface FormulaResult {
  readonly formula: Formula;
  readonly notes: readonly CheckNote[];
}

const decisions = new WeakMap<Check, Map<string, Decision>>();

/** The decision on a check, found once: rules share what they have in common. */
function decided(check: Check, name: OperationName, purpose: Purpose): Decision {
  const known = decisions.get(check) ?? new Map<string, Decision>();
  decisions.set(check, known);
  const key = `${name} ${purpose}`;
  const decision = known.get(key) ?? decide(check, name, purpose);
  known.set(key, decision);
  return decision;
}

const TRUE: Formula = { kind: 'true' };
const FALSE: Formula = { kind: 'false' };

/** Translates a condition for one kind of operation. */
export function toFormula(condition: Condition, name: OperationName, purpose: Purpose): FormulaResult {
  const notes: CheckNote[] = [];
  const events = new Set(operation(name).events);

  function visit(node: Condition, negated: boolean): Formula {
    switch (node.kind) {
      case 'const':
        return node.value !== negated ? TRUE : FALSE;
      case 'not':
        return visit(node.item, !negated);
      case 'and':
      case 'or': {
        // Left to right with short circuit, so a check that cannot matter is not reported.
        const isAnd = (node.kind === 'and') !== negated;
        const items: Formula[] = [];
        for (const item of node.items) {
          const f = visit(item, negated);
          items.push(f);
          if (f.kind === (isAnd ? 'false' : 'true') && decidedExactly(f)) break;
        }
        return combine(isAnd ? 'and' : 'or', items);
      }
      case 'check':
        return literal(node.check, negated);
    }
  }

  /** An unknown check is also `true`; only constants that come from knowledge may cut an operand list short. */
  const guesses = new WeakSet<Formula>();
  const decidedExactly = (f: Formula): boolean => !guesses.has(f);
  const guess = (): Formula => {
    const f: Formula = { kind: 'true' };
    guesses.add(f);
    return f;
  };

  function literal(check: Check, negated: boolean): Formula {
    const decision = decided(check, name, purpose);
    switch (decision.kind) {
      case 'const':
        return decision.value !== negated ? TRUE : FALSE;
      case 'unknown':
        if (negated && decision.opposite !== undefined) {
          notes.push({
            text: check.text,
            where: 'bounded',
            reason: 'the kernel passes more than its opposite',
          });
          return combine(
            'or',
            decision.opposite.map((term) => ({ kind: 'literal', term, negated: false })),
          );
        }
        notes.push({
          text: check.text,
          where: 'user',
          reason: decision.reason,
          ...(decision.instead === undefined ? {} : { instead: decision.instead }),
        });
        return guess();
      case 'terms': {
        const inverted = (decision.negated === true) !== negated;
        if (decision.strength === 'necessary' && inverted) {
          notes.push({ text: check.text, where: 'user', reason: 'its opposite is not known exactly' });
          return guess();
        }
        notes.push(
          decision.strength === 'exact'
            ? { text: check.text, where: 'kernel' }
            : { text: check.text, where: 'bounded', reason: 'the kernel passes more than the check does' },
        );
        return combine(
          inverted ? 'and' : 'or',
          decision.anyOf.map((term) => eventConstant(term, inverted)),
        );
      }
    }
  }

  function eventConstant(term: Term, negated: boolean): Formula {
    if (term.on !== 'event') return { kind: 'literal', term, negated };
    const here = [...events].filter((e) => term.names.has(e) !== negated);
    if (here.length === 0) return FALSE;
    return here.length === events.size ? TRUE : { kind: 'literal', term, negated };
  }

  return { formula: visit(condition, false), notes };
}

/** Joins operands, leaving out constants and joining nested operands of the same kind. */
export function combine(kind: 'and' | 'or', items: readonly Formula[]): Formula {
  const neutral = kind === 'and' ? 'true' : 'false';
  const dominant = kind === 'and' ? 'false' : 'true';
  const kept: Formula[] = [];
  for (const item of items) {
    if (item.kind === dominant) return item;
    if (item.kind === neutral) continue;
    if (item.kind === kind) kept.push(...item.items);
    else kept.push(item);
  }
  if (kept.length === 0) return kind === 'and' ? TRUE : FALSE;
  return kept.length === 1 ? (kept[0] as Formula) : { kind, items: kept };
}
