import type { Event } from '../../engine/enrich/event.ts';
import type { FieldSpec, FieldType, Value } from '../field-spec.ts';

export type Field = FieldSpec<Event>;
export type Arg = string | number | undefined;
type Getter<T> = (event: Event, arg: Arg) => T | undefined;
type Extra = Omit<Partial<Field>, 'name' | 'type' | 'doc' | 'get'>;

/** One row of the field table. */
export function field(
  name: string,
  type: FieldType,
  doc: string,
  get: Getter<Value>,
  extra: Extra = {},
): Field {
  return { name, type, doc, get, ...extra };
}

export const str = (name: string, doc: string, get: Getter<string>, extra?: Extra): Field =>
  field(name, 'string', doc, get, extra);
export const path = (name: string, doc: string, get: Getter<string>, extra?: Extra): Field =>
  field(name, 'path', doc, get, extra);
export const int = (name: string, doc: string, get: Getter<number | bigint>, extra?: Extra): Field =>
  field(name, 'int', doc, get, extra);
export const uint = (name: string, doc: string, get: Getter<number | bigint>, extra?: Extra): Field =>
  field(name, 'uint', doc, get, extra);
export const bool = (name: string, doc: string, get: Getter<boolean>, extra?: Extra): Field =>
  field(name, 'bool', doc, get, extra);

/** A field that no sensor can fill: known by name, always missing. */
export const never = (name: string, type: FieldType, doc: string, extra?: Extra): Field =>
  field(name, type, doc, () => undefined, extra);

/** The smaller representation of a whole number. */
export function whole(value: bigint): number | bigint {
  return value >= -MAX && value <= MAX ? Number(value) : value;
}

const MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** Fields that range over several values and their restrictions. */
export const ANY_SOME: Extra = { any: { notEqual: 'some' }, noRhs: true, noTransformer: true };
export const ANY_EVERY: Extra = {
  any: { notEqual: 'every' },
  noRhs: true,
  noTransformer: true,
  filterOnly: true,
};
