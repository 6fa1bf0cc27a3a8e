import { Ajv, type ErrorObject } from 'ajv';
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
  const config = structuredClone<unknown>(given);
  const validate = new Ajv({ allErrors: true, useDefaults: true }).compile(outputSchema(kind));
  if (!validate(config)) return { problems: (validate.errors ?? []).map((error) => problem(name, error)) };
  return { kind, config: { ...(config as unknown as QueueOptions), type: kind.type } };
}

function unknownType(name: string, type: unknown, types: readonly OutputType[]): Diagnostic {
  return {
    severity: 'error',
    code: 'E_OUTPUT_CONFIG',
    message: `outputs.${name}: there is no kind of output ${JSON.stringify(type)}`,
    help: `one of ${types.map((kind) => kind.type).join(', ')}`,
  };
}

function problem(name: string, error: ErrorObject): Diagnostic {
  const path = `outputs.${name}${error.instancePath.replaceAll('/', '.')}`;
  const extra =
    error.keyword === 'additionalProperties'
      ? ` "${(error.params as { additionalProperty: string }).additionalProperty}"`
      : error.keyword === 'enum'
        ? `: ${(error.params as { allowedValues: string[] }).allowedValues.join(', ')}`
        : '';
  return {
    severity: 'error',
    code: 'E_OUTPUT_CONFIG',
    message: `${path} ${error.message ?? 'is wrong'}${extra}`,
  };
}
