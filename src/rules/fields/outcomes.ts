import type { EventDef } from '../../sensors/events/event-def.ts';
import type { ComparePlan, Plan } from '../check/plan.ts';
import type { Scalar } from '../field-spec.ts';

/** Whether a condition can hold for calls that succeeded, and for calls that failed. */
export interface Outcomes {
  readonly ok: boolean;
  readonly failed: boolean;
}

/** True, false, or it depends on more than the event's name and result. */
type Known = boolean | undefined;

type Outcome = keyof Outcomes;

/**
 * Decides from the tests on the event's name, result and new descriptor alone: what is ruled out need not leave the
 * kernel.
 */
export function outcomesOf<E>(condition: Plan<E>, def: EventDef): Outcomes {
  if (!def.result) return { ok: true, failed: true };
  return {
    ok: decide(condition, def, 'ok') !== false,
    failed: decide(condition, def, 'failed') !== false,
  };
}

function decide<E>(plan: Plan<E>, def: EventDef, outcome: Outcome): Known {
  switch (plan.kind) {
    case 'constant':
      return plan.value;
    case 'not': {
      const inner = decide(plan.child, def, outcome);
      return inner === undefined ? undefined : !inner;
    }
    case 'and':
    case 'or': {
      const dominant = plan.kind === 'or';
      const parts = plan.children.map((child) => decide(child, def, outcome));
      if (parts.includes(dominant)) return dominant;
      return parts.includes(undefined) ? undefined : !dominant;
    }
    case 'compare':
      return plan.modifier === undefined ? compare(plan, def, outcome) : undefined;
    default:
      return undefined;
  }
}

function compare<E>(plan: ComparePlan<E>, def: EventDef, outcome: Outcome): Known {
  if (plan.operand.kind !== 'field') return undefined;
  const constants = plan.constants.map((constant) => constant.value as Scalar);
  const ok = outcome === 'ok';
  switch (plan.operand.ref.spec.name) {
    case 'evt.type':
      return equals(plan.op, constants, def.name);
    case 'evt.failed':
      return equals(plan.op, constants, !ok);
    case 'evt.res':
      return ok ? equals(plan.op, constants, 'SUCCESS') : failedText(plan.op, constants);
    case 'evt.rawres':
      return withSign(plan.op, constants, ok);
    case 'fd.num':
      if (def.fd !== 'create') return undefined;
      return ok ? withSign(plan.op, constants, true) : withValue(plan.op, constants, -1);
    default:
      return undefined;
  }
}

function equals(op: string, constants: readonly Scalar[], value: Scalar): Known {
  switch (op) {
    case '=':
    case 'in':
    case 'intersects':
      return constants.includes(value);
    case '!=':
      return !constants.includes(value);
    case 'startswith':
      return String(value).startsWith(String(constants[0]));
    default:
      return undefined;
  }
}

/** The name of some error: anything but SUCCESS. */
function failedText(op: string, constants: readonly Scalar[]): Known {
  const impossible = constants.every((constant) => constant === 'SUCCESS');
  if (op === '=' || op === 'in' || op === 'intersects') return impossible ? false : undefined;
  if (op === '!=') return impossible ? true : undefined;
  return undefined;
}

/** A number of which only the sign is known. */
function withSign(op: string, constants: readonly Scalar[], positive: boolean): Known {
  const numbers = constants.map(Number);
  const [first] = numbers;
  if (first === undefined) return op === 'in' ? false : undefined;
  const excluded = numbers.every((n) => (positive ? n < 0 : n >= 0));
  switch (op) {
    case '=':
    case 'in':
    case 'intersects':
      return excluded ? false : undefined;
    case '!=':
      return excluded ? true : undefined;
    case '>=':
      return positive ? (first <= 0 ? true : undefined) : first >= 0 ? false : undefined;
    case '>':
      return positive ? (first < 0 ? true : undefined) : first >= -1 ? false : undefined;
    case '<':
      return positive ? (first <= 0 ? false : undefined) : first >= 0 ? true : undefined;
    case '<=':
      return positive ? (first < 0 ? false : undefined) : first >= -1 ? true : undefined;
    default:
      return undefined;
  }
}

function withValue(op: string, constants: readonly Scalar[], value: number): Known {
  const numbers = constants.map(Number);
  const [first] = numbers;
  switch (op) {
    case '=':
    case 'in':
    case 'intersects':
      return numbers.includes(value);
    case '!=':
      return !numbers.includes(value);
    case '>=':
      return first === undefined ? undefined : value >= first;
    case '>':
      return first === undefined ? undefined : value > first;
    case '<':
      return first === undefined ? undefined : value < first;
    case '<=':
      return first === undefined ? undefined : value <= first;
    default:
      return undefined;
  }
}
