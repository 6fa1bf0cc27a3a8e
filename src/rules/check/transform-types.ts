/** The types of transformer calls. */
import type { TransformExpr } from '../lang/ast.ts';
import { fromBytes } from '../lang/bytes.ts';
import { printOperand } from '../lang/print.ts';
import type { TransformerName } from '../lang/transformers.ts';
import type { Operand, TransformOperand } from './plan.ts';

/** Checks a call whose arguments are checked; a parenthesised group arrives as an array. */
export function checkTransform<E>(
  expr: TransformExpr,
  groups: readonly (Operand<E> | readonly Operand<E>[])[],
): TransformOperand<E> | { readonly error: string } {
  const name = expr.name as TransformerName;
  const fail = (what: string): { readonly error: string } => ({ error: `${name}(): ${what}` });
  if (expr.arg !== undefined && name !== 'getopt') return fail('takes no argument in brackets');
  const first = groups[0];
  const make = (
    type: 'string' | 'uint' | 'path',
    args: readonly Operand<E>[],
    list = false,
  ): TransformOperand<E> => ({
    kind: 'transform',
    key: printOperand(expr),
    type,
    list,
    any: undefined,
    name,
    args,
    option: expr.arg === undefined || expr.arg === '' ? undefined : fromBytes(expr.arg),
  });

  switch (name) {
    case 'tolower':
    case 'toupper':
    case 'basename':
    case 'b64':
    case 'len': {
      if (groups.length !== 1 || first === undefined || isGroup(first))
        return fail('needs exactly one field');
      if (first.kind === 'literal') return fail('needs a field, not a constant');
      if (name === 'len') {
        if (first.list || isText(first) || first.type === 'bytes') return make('uint', [first]);
        return fail(`${first.key} has no length: needs a text, a buffer or a list`);
      }
      if (first.list) return fail(`${first.key} is a list`);
      if (isText(first) || (name === 'b64' && first.type === 'bytes')) return make('string', [first]);
      return fail(`${first.key} is not a text`);
    }
    case 'concat': {
      const args = groups.flat() as Operand<E>[];
      if (groups.some(isGroup) || args.length < 2) return fail('needs at least two texts');
      const wrong = args.find((arg) => arg.list || !isText(arg));
      return wrong === undefined ? make('string', args) : fail(`${wrong.key} is not a text`);
    }
    case 'join': {
      const rest = groups[1];
      if (groups.length !== 2 || first === undefined || rest === undefined || isGroup(first)) {
        return fail('needs a separator and (a, b, ...) or a list');
      }
      if (first.list || !isText(first)) return fail(`the separator ${first.key} is not a text`);
      if (!isGroup(rest)) {
        return rest.list ? make('string', [first, rest]) : fail(`${rest.key} is not a list`);
      }
      const wrong = rest.find((arg) => arg.list || !(isText(arg) || isNumber(arg)));
      return wrong === undefined
        ? make('string', [first, ...rest])
        : fail(`${wrong.key} is neither text nor number`);
    }
    case 'getopt': {
      const spec = groups[1];
      if (groups.length !== 2 || first === undefined || spec === undefined || isGroup(spec)) {
        return fail('needs a list of arguments and a text of options, such as "ab:c"');
      }
      if (spec.list || !isText(spec)) return fail('the options must be a text, such as "ab:c"');
      const args = isGroup(first) ? first : [first];
      if (!isGroup(first) && !first.list) return fail(`${first.key} is not a list`);
      const wrong = args.find((arg) => !isText(arg));
      if (wrong !== undefined) return fail(`${wrong.key} is not a text`);
      if (expr.arg !== undefined && expr.arg.length !== 1)
        return fail('the option in brackets is one character');
      return make('string', [spec, ...args], expr.arg === undefined);
    }
  }
}

function isGroup<E>(arg: Operand<E> | readonly Operand<E>[]): arg is readonly Operand<E>[] {
  return Array.isArray(arg);
}

function isText<E>(arg: Operand<E>): boolean {
  return arg.type === 'string' || arg.type === 'path';
}

function isNumber<E>(arg: Operand<E>): boolean {
  return arg.type === 'int' || arg.type === 'uint' || arg.type === 'port';
}
