import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSchema, type Schema } from './check-schema.ts';

test('every problem is told with its path and what is wanted', () => {
  const shape: Schema = {
    type: 'object',
    required: ['url'],
    additionalProperties: false,
    properties: {
      url: { type: 'string' },
      sizes: { type: 'array', items: { type: 'integer', minimum: 1 } },
      wait: { type: 'string', pattern: '^\\d+(ms|s|m|h|d)$' },
      listen: { type: 'string', pattern: '^[^:]+:\\d+$', default: '127.0.0.1:80' },
    },
  };
  assert.deepEqual(
    checkSchema(shape, { sizes: [1, 0, 'x'], wait: 'long', listen: 'here', oops: 1 }).violations.map((v) => [
      v.kind,
      v.path.join('.'),
      v.wanted,
    ]),
    [
      ['missing', 'url', 'is needed and not set'],
      ['unknown', 'oops', 'is not an option'],
      ['value', 'sizes.1', 'must be 1 or more'],
      ['type', 'sizes.2', 'must be an integer'],
      ['value', 'wait', 'must be a duration such as 500ms, 30s, 5m, 2h, 7d'],
      ['value', 'listen', 'must be of the form "127.0.0.1:80"'],
    ],
  );
});

test('defaults are put in at every depth, and are no shared objects', () => {
  const shape: Schema = {
    type: 'object',
    properties: {
      a: { type: 'object', default: {}, properties: { b: { default: [1] }, c: {} } },
      d: { default: 2 },
    },
  };
  const first = checkSchema(shape, {}).complete as { a: { b: number[] } };
  assert.deepEqual(first, { a: { b: [1] }, d: 2 });
  first.a.b.push(9);
  assert.deepEqual(checkSchema(shape, { d: 3 }).complete, { a: { b: [1] }, d: 3 });
});
