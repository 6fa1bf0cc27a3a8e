/**
 * Checks plain data against the part of JSON Schema that our options are written in. Ajv says the same (a test
 * compares them), but compiling its checkers took half a second of every start.
 */
export interface JsonSchema {
  readonly type?: string;
  readonly default?: unknown;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minLength?: number;
  readonly minItems?: number;
  readonly pattern?: string;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly allOf?: readonly { readonly if: JsonSchema; readonly then: JsonSchema }[];
}

export type Path = readonly (string | number)[];

export interface Violation {
  readonly kind: 'type' | 'value' | 'unknown' | 'missing';
  /** Of the value; for `unknown` and `missing` of the member. */
  readonly path: Path;
  /** What the value must be, as the end of a sentence: `must be a number`. */
  readonly wanted: string;
  /** For `unknown`: the members that are known. */
  readonly known?: readonly string[];
  readonly value?: unknown;
}

type Plain = Readonly<Record<string, unknown>>;

const isPlain = (value: unknown): value is Plain =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** Everything that is wrong with a value. */
export function checkSchema(schema: JsonSchema, value: unknown, path: Path = []): Violation[] {
  const wrong = wrongItself(schema, value);
  if (wrong) return [{ ...wrong, path, value }];
  if (Array.isArray(value)) {
    return schema.items ? value.flatMap((item, i) => checkSchema(schema.items!, item, [...path, i])) : [];
  }
  return isPlain(value) ? checkMembers(schema, value, path) : [];
}

function checkMembers(schema: JsonSchema, value: Plain, path: Path): Violation[] {
  const { properties = {}, additionalProperties = true, required = [], allOf = [] } = schema;
  const known = Object.keys(properties).sort();
  const missing = required
    .filter((name) => value[name] === undefined)
    .map((name): Violation => ({ kind: 'missing', path: [...path, name], wanted: 'is needed and not set' }));
  const members = Object.entries(value).flatMap(([name, inner]): Violation[] => {
    const own = Object.hasOwn(properties, name) ? properties[name] : additionalProperties;
    if (own === false) return [{ kind: 'unknown', path: [...path, name], wanted: 'is not an option', known }];
    return own === true || own === undefined ? [] : checkSchema(own, inner, [...path, name]);
  });
  const conditional = allOf
    .filter((rule) => checkSchema(rule.if, value).length === 0)
    .flatMap((rule) => checkSchema(rule.then, value, path));
  return [...missing, ...members, ...conditional];
}

function wrongItself(schema: JsonSchema, value: unknown): Pick<Violation, 'kind' | 'wanted'> | undefined {
  const { type } = schema;
  if (type !== undefined && !isType(type, value)) {
    return { kind: 'type', wanted: `must be ${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}` };
  }
  const wanted = wrongValue(schema, value);
  return wanted === undefined ? undefined : { kind: 'value', wanted: `must ${wanted}` };
}

function wrongValue(schema: JsonSchema, value: unknown): string | undefined {
  const { minimum, maximum, minLength, minItems, pattern } = schema;
  if (schema.enum && !schema.enum.includes(value)) return `be one of ${schema.enum.join(', ')}`;
  if (schema.const !== undefined && value !== schema.const) return `be ${String(schema.const)}`;
  if (typeof value === 'number') {
    if (minimum !== undefined && value < minimum) return `be ${minimum} or more`;
    if (maximum !== undefined && value > maximum) return `be ${maximum} or less`;
  }
  if (typeof value === 'string') {
    if (minLength !== undefined && value.length < minLength)
      return minLength === 1 ? 'not be empty' : `have ${minLength} characters or more`;
    if (pattern !== undefined && !new RegExp(pattern, 'u').test(value)) return describePattern(pattern);
  }
  if (Array.isArray(value) && minItems !== undefined && value.length < minItems) {
    return `have ${minItems} element${minItems === 1 ? '' : 's'} or more`;
  }
  return undefined;
}

function describePattern(pattern: string): string {
  return pattern.includes('(ms|s|m|h|d)')
    ? 'be a duration such as 500ms, 30s, 5m, 2h, 7d'
    : `match ${pattern}`;
}

function isType(type: string, value: unknown): boolean {
  switch (type) {
    case 'object':
      return isPlain(value);
    case 'array':
      return Array.isArray(value);
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'number':
      return typeof value === 'number' && Number.isFinite(value);
    default:
      return typeof value === type;
  }
}

/** The value with the defaults of members that are not set; the value itself stays as it is. */
export function withDefaults(schema: JsonSchema, value: unknown): unknown {
  if (Array.isArray(value))
    return schema.items ? value.map((item) => withDefaults(schema.items!, item)) : value;
  if (!isPlain(value)) return value;
  const { properties = {}, additionalProperties } = schema;
  const out: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(properties)) {
    const given = value[name] === undefined ? structuredClone(inner.default) : value[name];
    if (given !== undefined) out[name] = withDefaults(inner, given);
  }
  for (const [name, inner] of Object.entries(value)) {
    if (Object.hasOwn(properties, name)) continue;
    out[name] = typeof additionalProperties === 'object' ? withDefaults(additionalProperties, inner) : inner;
  }
  return out;
}
