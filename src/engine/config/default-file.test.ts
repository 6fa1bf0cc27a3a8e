import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { checkSchema } from '../core/check-schema.ts';
import { DEFAULT_CONFIG } from './default-file.ts';
import { coreSection } from './options.ts';

test('the default file changes nothing: every value in it is the default, and it is short', () => {
  const values: unknown = parse(DEFAULT_CONFIG);
  const { violations, complete } = checkSchema(coreSection.schema, values);
  assert.deepEqual(violations, []);
  assert.deepEqual(complete, checkSchema(coreSection.schema, {}).complete);
  assert.ok(DEFAULT_CONFIG.split('\n').length < 60);
});
