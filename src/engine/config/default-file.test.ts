import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { outputsSchema } from '../../outputs/registry.ts';
import { checkSchema } from '../core/check-schema.ts';
import { configSchema } from './config.ts';
import { DEFAULT_CONFIG } from './default-file.ts';
import { coreSection } from './options.ts';

test('the default file changes nothing: every value in it is the default, and it is short', () => {
  const values: unknown = parse(DEFAULT_CONFIG);
  const { violations, complete } = checkSchema(coreSection.schema, values);
  assert.deepEqual(violations, []);
  assert.deepEqual(complete, checkSchema(coreSection.schema, {}).complete);
  assert.ok(DEFAULT_CONFIG.split('\n').length < 65);
});

test('its examples of outputs are valid', () => {
  const outputs = DEFAULT_CONFIG.split('\n').filter((line) => /^# {2}\w/.test(line) || line === '#outputs:');
  const values: unknown = parse(outputs.map((line) => line.slice(1)).join('\n'));
  const { violations, complete } = checkSchema(configSchema(outputsSchema()), values);
  assert.deepEqual(violations, []);
  assert.deepEqual(Object.keys((complete as { outputs: object }).outputs).sort(), [
    'audit',
    'console',
    'file',
    'http',
    'nats',
    'syslog',
  ]);
});
