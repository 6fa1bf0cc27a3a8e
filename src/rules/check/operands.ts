/** Fields and transformer calls of a condition or an output, resolved against the field table. */
import type { EventNames } from '../field-spec.ts';
import type { FieldTable } from '../field-table.ts';
import type { FieldExpr, OperandExpr, TransformArg, TransformExpr } from '../lang/ast.ts';
import { fromBytes } from '../lang/bytes.ts';
import { printOperand } from '../lang/print.ts';
import { FaultLog } from './faults.ts';
import type { Interner, Operand } from './plan.ts';
import { checkTransform } from './transform-types.ts';

export interface CheckContext<E> {
  readonly fields: FieldTable<E>;
  readonly events: EventNames;
  readonly plans: Interner<E>;
}

/** Where an operand stands. */
export type Side = 'left' | 'right' | 'output';

/** Resolves operands; what is wrong with them is logged. */
export class OperandChecker<E> extends FaultLog {
  protected readonly context: CheckContext<E>;

  constructor(context: CheckContext<E>, macro: string | undefined) {
    super(macro);
    this.context = context;
  }

  operand(expr: OperandExpr, side: Side): Operand<E> | undefined {
    if (expr.kind === 'field') return this.field(expr, side, false);
    if (expr.name === 'val') {
      const field = expr.args[0];
      return field?.kind === 'field' ? this.field(field, side, false) : undefined;
    }
    return this.transform(expr, side);
  }

  private field(expr: FieldExpr, side: Side, inTransformer: boolean): Operand<E> | undefined {
    const found = this.context.fields.lookup(
      expr.name,
      expr.arg === undefined ? undefined : fromBytes(expr.arg),
    );
    if (!found.ok) {
      return this.fault(found.reason === 'unknown' ? 'unknown' : 'type', found.message, expr.at, found.help);
    }
    const { spec } = found.ref;
    const name = found.ref.text;
    if (spec.printOnly === true && side !== 'output') {
      return this.fault('type', `${name} can be used in outputs only`, expr.at);
    }
    if (spec.filterOnly === true && side === 'output') {
      return this.fault('type', `${name} can be used in conditions only`, expr.at);
    }
    if (side === 'right' && spec.noRhs === true) {
      return this.fault('type', `${name} cannot be used on the right side of a comparison`, expr.at);
    }
    if (inTransformer && spec.noTransformer === true) {
      return this.fault('type', `${name} cannot be used in a transformer`, expr.at);
    }
    return {
      kind: 'field',
      key: printOperand(expr),
      type: spec.type,
      list:
        spec.list === true && (found.ref.arg === undefined || spec.arg === undefined || spec.arg === 'none'),
      any: found.ref.arg === undefined ? spec.any : undefined,
      ref: found.ref,
    };
  }

  private transform(expr: TransformExpr, side: Side): Operand<E> | undefined {
    const args = expr.args.map((arg) => this.transformArgument(arg, side));
    if (args.some((arg) => arg === undefined)) return undefined;
    const result = checkTransform<E>(expr, args as (Operand<E> | readonly Operand<E>[])[]);
    if ('error' in result) return this.fault('type', result.error, expr.at);
    return result;
  }

  private transformArgument(arg: TransformArg, side: Side): Operand<E> | readonly Operand<E>[] | undefined {
    switch (arg.kind) {
      case 'field':
        return this.field(arg, side, true);
      case 'transform':
        return this.transform(arg, side);
      case 'literal':
        return {
          kind: 'literal',
          key: printOperand(arg),
          type: 'string',
          list: false,
          any: undefined,
          text: arg.text,
        };
      case 'args': {
        const inner = arg.args.map((item) => this.transformArgument(item, side));
        if (inner.some((item) => item === undefined)) return undefined;
        return inner.flat() as Operand<E>[];
      }
    }
  }
}
