import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv';

/** The part of JSON Schema that our options are written in. Configuration, docs and `--help` are made from it. */
export interface Schema {
  readonly type?: 'string' | 'integer' | 'number' | 'boolean' | 'array' | 'object';
  readonly description?: string;
  readonly default?: unknown;
  readonly enum?: readonly string[];
  readonly const?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
}

export interface ObjectSchema extends Schema {
  readonly type: 'object';
  readonly properties: Readonly<Record<string, Schema>>;
}

export type Path = readonly (string | number)[];

export interface Violation {
  readonly kind: 'type' | 'value' | 'unknown' | 'missing';
  /** Of the value; for `unknown` and `missing` of the member. */
  readonly path: Path;
  /** What the value must be, as the end of a sentence: `must be a number`. */
  readonly wanted: string;
  /** For `unknown`: the members that are known; for `missing`: the words that it could be. */
  readonly known?: readonly string[];
  readonly value?: unknown;
}

export interface Checked {
  /** Everything that is wrong, one violation a value. */
  readonly violations: readonly Violation[];
  /** A copy of the value with the defaults of members that are not set. */
  readonly complete: unknown;
}

/** Schemas are made once and kept by who uses them; their checkers go with them. */
const compiled = new WeakMap<Schema, ValidateFunction>();

function checker(schema: Schema): ValidateFunction {
  const known = compiled.get(schema);
  if (known) return known;
  // The schemas are the program's own: checking and optimising them would only delay the start.
  const ajv = new Ajv({
    allErrors: true,
    useDefaults: true,
    verbose: true,
    strict: false,
    meta: false,
    validateSchema: false,
    code: { optimize: false },
  });
  const made = ajv.compile(schema);
  compiled.set(schema, made);
  return made;
}

/** Checks plain data and fills in defaults; the value itself stays as it is. */
export function checkSchema(schema: Schema, value: unknown): Checked {
  const check = checker(schema);
  const complete: unknown = structuredClone(value);
  check(complete);
  const violations = new Map<string, Violation>();
  for (const error of check.errors ?? []) {
    const violation = toViolation(error);
    const key = JSON.stringify(violation?.path);
    // A value of another type than wanted breaks other demands too.
    if (violation && (!violations.has(key) || violation.kind === 'type')) violations.set(key, violation);
  }
  return { violations: [...violations.values()], complete };
}

function toViolation({
  keyword,
  instancePath,
  params,
  parentSchema,
  data,
}: ErrorObject): Violation | undefined {
  const path = pathOf(instancePath);
  const schema = parentSchema as Schema;
  switch (keyword) {
    // Says only that the demands of `then`, which are told themselves, are not met.
    case 'if':
      return undefined;
    case 'required':
      return {
        kind: 'missing',
        path: [...path, String(params.missingProperty)],
        wanted: 'is needed and not set',
        known: schema.properties?.[String(params.missingProperty)]?.enum ?? [],
      };
    case 'additionalProperties':
      return {
        kind: 'unknown',
        path: [...path, String(params.additionalProperty)],
        wanted: 'is not an option',
        known: Object.keys(schema.properties ?? {}).sort(),
      };
    case 'type': {
      const type = String(schema.type);
      return {
        kind: 'type',
        path,
        value: data,
        wanted: `must be ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`,
      };
    }
    default:
      return { kind: 'value', path, value: data, wanted: `must ${wantedValue(keyword, schema)}` };
  }
}

/** The steps of a JSON pointer; those into a list are numbers. */
function pathOf(pointer: string): Path {
  return pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
}

function wantedValue(keyword: string, schema: Schema): string {
  switch (keyword) {
    case 'enum':
      return `be one of ${schema.enum?.join(', ')}`;
    case 'const':
      return `be ${String(schema.const)}`;
    case 'minimum':
      return `be ${schema.minimum} or more`;
    case 'maximum':
      return `be ${schema.maximum} or less`;
    case 'minLength':
      return schema.minLength === 1 ? 'not be empty' : `have ${schema.minLength} characters or more`;
    case 'minItems':
      return `have ${schema.minItems} element${schema.minItems === 1 ? '' : 's'} or more`;
    default:
      if (schema.pattern?.includes('(ms|s|m|h|d)')) return 'be a duration such as 500ms, 30s, 5m, 2h, 7d';
      return typeof schema.default === 'string'
        ? `be of the form "${schema.default}"`
        : `match ${schema.pattern}`;
  }
}
