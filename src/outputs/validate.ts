import { checkSchema, type Violation } from '../engine/core/check-schema.ts';
import type { Diagnostic } from '../engine/core/diagnostic.ts';
import { outputSchema, type QueueOptions } from './options.ts';
import type { OutputType } from './output.ts';

export type Checked =
  | { readonly kind: OutputType; readonly config: QueueOptions }
  | { readonly problems: readonly Diagnostic[] };

/** Checks one entry of `outputs` and fills in the defaults. */
export function checkOutput(name: string, entry: unknown, types: readonly OutputType[]): Checked {
  const given = entry === null || entry === undefined ? {} : entry;
  const typeName = (given as { type?: unknown }).type ?? name;
  const kind = types.find(({ type }) => type === typeName);
  if (!kind) return { problems: [unknownType(name, typeName, types)] };
  const schema = outputSchema(kind);
  const { complete, violations } = checkSchema(schema, given);
  if (violations.length > 0) return { problems: violations.map((violation) => problem(name, violation)) };
  return { kind, config: { ...(complete as QueueOptions), type: kind.type } };
}

function unknownType(name: string, type: unknown, types: readonly OutputType[]): Diagnostic {
  return {
    severity: 'error',
    code: 'E_OUTPUT_CONFIG',
    message: `outputs.${name}: there is no kind of output ${JSON.stringify(type)}`,
    help: `one of ${types.map((kind) => kind.type).join(', ')}`,
  };
}

function problem(name: string, { path, wanted, value }: Violation): Diagnostic {
  const shown = value === undefined ? '' : `, not ${JSON.stringify(value)}`;
  return {
    severity: 'error',
    code: 'E_OUTPUT_CONFIG',
    message: `${['outputs', name, ...path].join('.')} ${wanted}${shown}`,
  };
}
