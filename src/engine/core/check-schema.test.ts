import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { checkSchema, type JsonSchema, withDefaults } from './check-schema.ts';

const scalar = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.integer({ min: -5, max: 5 }),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const value = fc.letrec((tie) => ({
  any: fc.oneof(
    { maxDepth: 3 },
    scalar,
    fc.array(tie('any'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c'), tie('any'), { maxKeys: 3 }),
  ),
})).any;

const some = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.option(arbitrary, { nil: undefined });
const schema = fc.letrec<{ any: JsonSchema }>((tie) => ({
  any: fc
    .oneof(
      { maxDepth: 3 },
      fc.record({
        type: fc.constant('string'),
        minLength: some(fc.integer({ min: 0, max: 2 })),
        enum: some(fc.constant(['a', 'bc'])),
      }),
      fc.record({
        type: fc.constantFrom('integer', 'number'),
        minimum: some(fc.constant(-1)),
        maximum: some(fc.constant(3)),
      }),
      fc.record({ type: fc.constant('boolean') }),
      fc.record({
        type: fc.constant('array'),
        items: tie('any'),
        minItems: some(fc.integer({ min: 0, max: 2 })),
      }),
      fc.record({
        type: fc.constant('object'),
        properties: fc.dictionary(fc.constantFrom('a', 'b'), tie('any'), { maxKeys: 2 }),
        required: some(fc.constant(['a'])),
        additionalProperties: fc.oneof(fc.boolean(), tie('any')),
        allOf: some(
          fc
            .tuple(tie('any'), tie('any'))
            // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
            .map(([when, then]) => [{ if: { properties: { b: when } }, then: { properties: { a: then } } }]),
        ),
      }),
    )
    .map((made) => JSON.parse(JSON.stringify(made)) as JsonSchema),
})).any;

test('says the same as Ajv about any value and any schema of our kind', () => {
  fc.assert(
    fc.property(schema, value, (shape, data) => {
      const plain: unknown = JSON.parse(JSON.stringify(data));
      const ajv = new Ajv({ strict: false }).compile(shape);
      assert.equal(checkSchema(shape, plain).length === 0, ajv(plain));
    }),
    { numRuns: 300 },
  );
});

test('every problem is told with its path and what is wanted', () => {
  const shape: JsonSchema = {
    type: 'object',
    required: ['url'],
    additionalProperties: false,
    properties: {
      url: { type: 'string' },
      sizes: { type: 'array', items: { type: 'integer', minimum: 1 } },
      wait: { type: 'string', pattern: '^\\d+(ms|s|m|h|d)$' },
    },
  };
  assert.deepEqual(
    checkSchema(shape, { sizes: [1, 0, 'x'], wait: 'long', oops: 1 }).map((v) => [
      v.kind,
      v.path.join('.'),
      v.wanted,
    ]),
    [
      ['missing', 'url', 'is needed and not set'],
      ['value', 'sizes.1', 'must be 1 or more'],
      ['type', 'sizes.2', 'must be an integer'],
      ['value', 'wait', 'must be a duration such as 500ms, 30s, 5m, 2h, 7d'],
      ['unknown', 'oops', 'is not an option'],
    ],
  );
});

test('defaults are put in at every depth, and are no shared objects', () => {
  const shape: JsonSchema = {
    type: 'object',
    properties: {
      a: { type: 'object', default: {}, properties: { b: { default: [1] }, c: {} } },
      d: { default: 2 },
    },
  };
  const first = withDefaults(shape, {}) as { a: { b: number[] } };
  assert.deepEqual(first, { a: { b: [1] }, d: 2 });
  first.a.b.push(9);
  assert.deepEqual(withDefaults(shape, { d: 3 }), { a: { b: [1] }, d: 3 });
});
