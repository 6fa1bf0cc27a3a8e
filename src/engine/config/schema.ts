import type { Schema } from '../core/check-schema.ts';

/** A schema whose configuration type is known to the compiler: the options are written down once. */
export interface Typed<T> {
  readonly schema: Schema;
  readonly type?: T;
}

export type TypeOf<S> = S extends Typed<infer T> ? T : never;

type Shape = Readonly<Record<string, Typed<unknown>>>;

interface Info<T> {
  readonly doc: string;
  readonly default?: T;
}

function make<T>(schema: Schema, info: Info<T>): Typed<T> {
  return {
    schema: {
      ...schema,
      description: info.doc,
      ...(info.default === undefined ? {} : { default: info.default }),
    },
  };
}

export const bool = (info: Info<boolean>): Typed<boolean> => make({ type: 'boolean' }, info);

export const text = (info: Info<string>, extra: Pick<Schema, 'pattern' | 'minLength'> = {}): Typed<string> =>
  make({ type: 'string', ...extra }, info);

export const int = (info: Info<number>, minimum: number, maximum: number): Typed<number> =>
  make({ type: 'integer', minimum, maximum }, info);

export const word = <const W extends string>(words: readonly W[], info: Info<W>): Typed<W> =>
  make({ type: 'string', enum: words }, info);

export const list = <T>(items: Typed<T>, info: Info<readonly T[]>): Typed<readonly T[]> =>
  make({ type: 'array', items: items.schema }, info);

/** A map of which every member has a default: its type has all of them. */
export const section = <S extends Shape>(
  shape: S,
  doc: string,
): Typed<{ readonly [K in keyof S]: TypeOf<S[K]> }> => ({
  schema: { ...object(shape, doc).schema, default: {} },
});

/** A map with optional members (an element of a list). */
export const object = <S extends Shape>(
  shape: S,
  doc: string,
): Typed<{ readonly [K in keyof S]?: TypeOf<S[K]> | undefined }> => {
  const properties = Object.fromEntries(Object.entries(shape).map(([key, value]) => [key, value.schema]));
  return make({ type: 'object', properties, additionalProperties: false }, { doc });
};

/** A part whose schema is written elsewhere (an output's options). */
export const foreign = <T>(schema: Schema): Typed<T> => ({ schema });
