/**
 * A checked condition: fields are resolved, constants typed, macros gone. Equal parts of all conditions of a rule set
 * are one object (see Interner), so that "shared" is a matter of identity.
 */
import type { Network } from '../../engine/core/address.ts';
import type { FieldRef, FieldType, Scalar } from '../field-spec.ts';
import type { BinaryOp, Modifier } from '../lang/operators.ts';
import type { TransformerName } from '../lang/transformers.ts';

export type Plan<E> =
  | ConstantPlan
  | LogicPlan<E>
  | NotPlan<E>
  | ExistsPlan<E>
  | ComparePlan<E>
  | FieldsPlan<E>;

export interface ConstantPlan {
  readonly kind: 'constant';
  readonly id: number;
  readonly value: boolean;
}

export interface LogicPlan<E> {
  readonly kind: 'and' | 'or';
  readonly id: number;
  readonly children: readonly Plan<E>[];
}

export interface NotPlan<E> {
  readonly kind: 'not';
  readonly id: number;
  readonly child: Plan<E>;
}

export interface ExistsPlan<E> {
  readonly kind: 'exists';
  readonly id: number;
  readonly operand: Operand<E>;
}

/** A field against constants. `op` is never `==`. */
export interface ComparePlan<E> {
  readonly kind: 'compare';
  readonly id: number;
  readonly operand: Operand<E>;
  readonly op: PlanOp;
  readonly modifier: Modifier | undefined;
  readonly constants: readonly Constant[];
}

/** A field against another field of the same event. */
export interface FieldsPlan<E> {
  readonly kind: 'fields';
  readonly id: number;
  readonly left: Operand<E>;
  readonly op: PlanOp;
  readonly modifier: Modifier | undefined;
  readonly right: Operand<E>;
}

export type PlanOp = Exclude<BinaryOp, '=='>;

/** A typed constant: `value` compares with what the field's getter yields; networks are their own kind. */
export interface Constant {
  /** As written, as a byte string. */
  readonly text: string;
  readonly value: Scalar | Network;
}

export type Operand<E> = FieldOperand<E> | TransformOperand<E> | LiteralOperand<E>;

export interface FieldOperand<E> {
  readonly kind: 'field';
  /** Canonical text; equal operands have equal keys. */
  readonly key: string;
  readonly type: FieldType;
  readonly list: boolean;
  /** The getter yields candidates; the check ranges over them. */
  readonly any: { readonly notEqual: 'some' | 'every' } | undefined;
  readonly ref: FieldRef<E>;
}

export interface TransformOperand<E> {
  readonly kind: 'transform';
  readonly key: string;
  readonly type: FieldType;
  readonly list: boolean;
  readonly any: undefined;
  readonly name: TransformerName;
  readonly args: readonly Operand<E>[];
  /** `getopt(...)[c]`. */
  readonly option: string | undefined;
}

/** A constant among a transformer's arguments. `_event` keeps the three kinds one family in E. */
export interface LiteralOperand<E> {
  readonly kind: 'literal';
  readonly key: string;
  readonly type: 'string';
  readonly list: false;
  readonly any: undefined;
  readonly text: string;
  readonly _event?: E;
}

type WithoutId<T> = T extends unknown ? Omit<T, 'id'> : never;

/** Makes plans; structurally equal plans become one object with one id. */
export class Interner<E> {
  private readonly known = new Map<string, Plan<E>>();
  readonly true: Plan<E> = this.intern('true', { kind: 'constant', value: true });
  readonly false: Plan<E> = this.intern('false', { kind: 'constant', value: false });

  /** Ids are below this. */
  get size(): number {
    return this.known.size;
  }

  constant(value: boolean): Plan<E> {
    return value ? this.true : this.false;
  }

  logic(kind: 'and' | 'or', children: readonly Plan<E>[]): Plan<E> {
    return this.intern(`${kind} ${children.map((child) => child.id).join()}`, { kind, children });
  }

  not(child: Plan<E>): Plan<E> {
    return this.intern(`not ${child.id}`, { kind: 'not', child });
  }

  exists(operand: Operand<E>): Plan<E> {
    return this.intern(`exists ${operand.key}`, { kind: 'exists', operand });
  }

  compare(plan: Omit<ComparePlan<E>, 'id' | 'kind'>): Plan<E> {
    const constants = plan.constants.map((constant) => JSON.stringify(constant.text)).join();
    const key = `${plan.operand.key} ${plan.op} ${plan.modifier ?? ''} ${constants}`;
    return this.intern(key, { kind: 'compare', ...plan });
  }

  fields(plan: Omit<FieldsPlan<E>, 'id' | 'kind'>): Plan<E> {
    const key = `${plan.left.key} ${plan.op} ${plan.modifier ?? ''} val ${plan.right.key}`;
    return this.intern(key, { kind: 'fields', ...plan });
  }

  private intern(key: string, plan: WithoutId<Plan<E>>): Plan<E> {
    const known = this.known.get(key);
    if (known !== undefined) return known;
    const made = { ...plan, id: this.known.size } as Plan<E>;
    this.known.set(key, made);
    return made;
  }
}
