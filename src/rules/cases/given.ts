/** Events written as the fields that rules see, for rule tests. */
import { parseAddress } from '../../engine/core/address.ts';
import type { FieldSpec, FieldType, Scalar, Value } from '../field-spec.ts';
import { FieldTable } from '../field-table.ts';
import { toBytes } from '../lang/bytes.ts';

/** What a case gives: field expressions and their values, as YAML has them. */
export type Given = Readonly<Record<string, unknown>>;

/** An event for rules: values by field expression. */
export type GivenEvent = ReadonlyMap<string, Value>;

/** The real fields, read from a given event instead of a kernel record: same names, types and arguments. */
export function givenFields<E>(specs: readonly FieldSpec<E>[]): FieldTable<GivenEvent> {
  return new FieldTable(
    specs.map(({ print: _print, json: _json, ...spec }) => ({
      ...spec,
      get: getter(spec.name, !!spec.suffix),
    })),
  );
}

function getter(name: string, suffixed: boolean): FieldSpec<GivenEvent>['get'] {
  return (event, arg) => {
    if (arg === undefined) return event.get(name);
    if (suffixed) return event.get(`${name}.${arg}`) ?? event.get(`${name}[${arg}]`);
    const given = event.get(`${name}[${arg}]`);
    if (given !== undefined || typeof arg !== 'number') return given;
    const all = event.get(name);
    // The given list starts with the parent; index 0 is the process itself.
    return Array.isArray(all) ? (all as readonly Scalar[])[arg - 1] : undefined;
  };
}

/** The event of a case, or what is wrong with it: unknown fields, values of the wrong type. */
export function buildGiven(given: Given, fields: FieldTable<GivenEvent>): GivenEvent | readonly string[] {
  const errors: string[] = [];
  const event = new Map<string, Value>();
  for (const [text, value] of Object.entries(withDefaults(given))) {
    const [, name = text, arg] = /^([^[]+)(?:\[(.+)\])?$/.exec(text) ?? [];
    const found = fields.lookup(name, arg);
    if (!found.ok) {
      errors.push(found.message);
      continue;
    }
    const { type } = found.ref.spec;
    const converted = Array.isArray(value) ? value.map((item) => convert(item, type)) : convert(value, type);
    if (converted === undefined || (Array.isArray(converted) && converted.includes(undefined))) {
      errors.push(`${text}: ${JSON.stringify(value)} is not a value of type ${type}`);
    } else event.set(text, converted as Value);
  }
  return errors.length > 0 ? errors : event;
}

function convert(value: unknown, type: FieldType): Scalar | undefined {
  const text = String(value);
  switch (type) {
    case 'string':
    case 'path':
    case 'bytes':
      return toBytes(text);
    case 'bool':
      return typeof value === 'boolean' ? value : undefined;
    case 'ip':
    case 'net':
      return parseAddress(text);
    case 'double':
      return typeof value === 'number' ? value : undefined;
    default:
      return typeof value === 'number' && Number.isInteger(value) ? value : undefined;
  }
}

/** What an event of a kind has unless the case says otherwise: it happened on the host, by root, and it worked. */
function withDefaults(given: Given): Given {
  const type = String(given['evt.type'] ?? '');
  const defaults: Record<string, unknown> = {
    'evt.source': 'syscall',
    'container.id': 'host',
    'user.uid': 0,
  };
  if (type.startsWith('exec')) Object.assign(defaults, { 'evt.res': 'SUCCESS', 'evt.rawres': 0 });
  if (type === 'creat' || type.startsWith('open')) {
    Object.assign(defaults, { 'fd.num': 3, 'evt.rawres': 3, 'fd.typechar': 'f' });
  }
  if (type === 'connect') {
    Object.assign(defaults, { 'evt.rawres': 0, 'fd.typechar': '4', 'fd.l4proto': 'tcp' });
  }
  const rawres = given['evt.rawres'] ?? defaults['evt.rawres'];
  if (typeof rawres === 'number' && rawres >= 0) defaults['evt.res'] = 'SUCCESS';
  const file = given['fd.name'];
  if (typeof file === 'string' && file.startsWith('/')) {
    const slash = file.lastIndexOf('/');
    defaults['fd.directory'] = file.slice(0, slash) || '/';
    defaults['fd.filename'] = file.slice(slash + 1);
  }
  const [name, args] = [given['proc.name'], given['proc.args']];
  if (name !== undefined) defaults['proc.cmdline'] = args ? `${name} ${args}` : String(name);
  return { ...defaults, ...given };
}

/** The fields of a JSON object; null members are missing. Undefined if the text is no such object. */
export function parseGiven(text: string): Given | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
    return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null));
  } catch {
    return undefined;
  }
}
