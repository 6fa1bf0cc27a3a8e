import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';
import type { Schema } from '../../outputs/output.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import { nearest } from '../core/nearest.ts';
import type { Layer, Path } from './source.ts';

const compiled = new WeakMap<Schema, Checker>();

/** The checker of a schema; compiling one takes tens of milliseconds, so it is kept. */
export function checkerFor(schema: Schema): Checker {
  const checker = compiled.get(schema) ?? new Checker(schema);
  compiled.set(schema, checker);
  return checker;
}

/** Checks values against one schema. */
class Checker {
  readonly #layer: ValidateFunction;
  readonly #whole: ValidateFunction;

  constructor(schema: Schema) {
    const common = { allErrors: true, verbose: true, strict: false } as const;
    this.#layer = new Ajv(common).compile(schema);
    this.#whole = new Ajv({ ...common, useDefaults: true }).compile(schema);
  }

  /** Problems of one layer, with their places. What is missing is not one: another layer may have it. */
  checkLayer(layer: Layer): Diagnostic[] {
    if (this.#layer(layer.value)) return [];
    return (this.#layer.errors ?? [])
      .filter((error) => error.keyword !== 'required' && !SUMMARY.has(error.keyword))
      .map((error) => toDiagnostic(error, layer));
  }

  /** Puts the defaults into the merged value and says what is missing. */
  complete(value: object): Diagnostic[] {
    if (this.#whole(value)) return [];
    return (this.#whole.errors ?? [])
      .filter((error) => error.keyword === 'required')
      .map((error) => {
        const path = [...pathOf(error), String(error.params.missingProperty)].join('.');
        return { severity: 'error', code: 'E_CONFIG_MISSING', message: `"${path}" is needed and not set` };
      });
  }
}

/** Errors that only sum up others. */
const SUMMARY = new Set(['if', 'then', 'else', 'anyOf', 'oneOf', 'allOf']);

function pathOf(error: ErrorObject): (string | number)[] {
  return error.instancePath
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((part) => (/^\d+$/.test(part) ? Number(part) : part));
}

function toDiagnostic(error: ErrorObject, layer: Layer): Diagnostic {
  const path = pathOf(error);
  const name = path.join('.');
  const at = (
    where: Path,
    key = false,
  ): Pick<Diagnostic, 'severity' | 'file' | 'line' | 'column' | 'snippet'> => ({
    severity: 'error',
    ...layer.locate(where, key),
  });
  if (error.keyword === 'additionalProperties') {
    const key = String(error.params.additionalProperty);
    const known = Object.keys((error.parentSchema as Schema | undefined)?.properties ?? {});
    const close = nearest(key, known);
    return {
      ...at([...path, key], true),
      code: 'E_CONFIG_UNKNOWN_KEY',
      message: `unknown option "${[...path, key].join('.')}"`,
      help: close ? `did you mean "${close}"?` : `options here: ${known.sort().join(', ')}`,
    };
  }
  const value = error.data === undefined ? '' : `, not ${JSON.stringify(error.data)}`;
  return { ...at(path), code: 'E_CONFIG_VALUE', message: `"${name}" ${wanted(error)}${value}` };
}

function wanted(error: ErrorObject): string {
  const { params } = error;
  if (error.keyword === 'type') return `must be ${article(String(params.type))}`;
  if (error.keyword === 'enum') return `must be one of ${(params.allowedValues as string[]).join(', ')}`;
  if (error.keyword === 'const') return `must be ${String(params.allowedValue)}`;
  if (error.keyword === 'minimum') return `must be ${String(params.limit)} or more`;
  if (error.keyword === 'maximum') return `must be ${String(params.limit)} or less`;
  if (error.keyword === 'pattern' && String(params.pattern).includes('(ms|s|m|h|d)')) {
    return 'must be a duration such as 500ms, 30s, 5m, 2h, 7d';
  }
  return error.message ?? 'is not valid';
}

const article = (type: string): string => (/^[aeiou]/.test(type) ? `an ${type}` : `a ${type}`);
