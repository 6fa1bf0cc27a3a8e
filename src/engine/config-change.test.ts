import assert from 'node:assert/strict';
import { test } from 'node:test';
import { outputSchemas } from './cli/outputs.ts';
import { type Config, load } from './config/config.ts';
import { configChange } from './config-change.ts';

const schemas = await outputSchemas();
const configOf = (...set: string[]): Config => {
  const { config, diagnostics } = load(schemas, { file: undefined, set, env: {} });
  assert.ok(config, JSON.stringify(diagnostics));
  return config;
};

test('options that are read anew are told apart from those of the next start', () => {
  const before = configOf();
  assert.deepEqual(configChange(before, before), { applied: [], atRestart: [] });
  const after = configOf(
    'priority=warning',
    'sensors.ring_bytes=1048576',
    'enforcement.pin=true',
    'state_dir=/x',
  );
  assert.deepEqual(configChange(before, after), {
    applied: ['priority'],
    atRestart: ['enforcement.pin', 'sensors.ring_bytes', 'state_dir'],
  });
  assert.deepEqual(configChange(after, before).applied, ['priority']);
});

test('values are not told', () => {
  const change = configChange(
    configOf(),
    configOf('outputs.secret={type: http, url: "https://u:hunter2@h/"}'),
  );
  assert.deepEqual(change.atRestart, ['outputs.secret']);
  assert.doesNotMatch(JSON.stringify(change), /hunter2/);
});
