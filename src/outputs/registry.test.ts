import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import { parse } from 'yaml';
import type { Schema } from '../engine/core/check-schema.ts';
import { PACKAGE_ROOT } from '../engine/core/package.ts';
import { outputSchema } from './options.ts';
import { OUTPUT_TYPES, outputsSchema } from './registry.ts';
import { openOutputs, testFolder } from './testing/open.ts';
import { checkOutput } from './validate.ts';

/** Every schema within a schema, with its path. */
function* walk(schema: Schema, path: string): Generator<readonly [string, Schema]> {
  yield [path, schema];
  for (const [key, value] of Object.entries(schema.properties ?? {})) yield* walk(value, `${path}.${key}`);
  if (schema.items) yield* walk(schema.items, `${path}[]`);
}

const problems = (name: string, entry: unknown): string => {
  const checked = checkOutput(name, entry, OUTPUT_TYPES);
  return 'problems' in checked ? checked.problems.map(({ message }) => message).join('\n') : '';
};

test('every option of every output is described, closed, and has a default that its own schema takes', () => {
  for (const kind of OUTPUT_TYPES) {
    for (const [path, schema] of walk(outputSchema(kind), kind.type)) {
      if (path.includes('[]')) continue;
      assert.ok(schema.description, `${path} is described`);
      if (schema.type === 'object')
        assert.notEqual(schema.additionalProperties, undefined, `${path} is closed`);
      if (schema.default === undefined) continue;
      const { default: value, ...rest } = schema;
      const validate = new Ajv({ strict: false, useDefaults: true }).compile(rest);
      assert.ok(validate(structuredClone(value)), `default of ${path}: ${JSON.stringify(validate.errors)}`);
    }
  }
});

test('the schema of the section takes two outputs of one kind and refuses what neither knows', () => {
  const validate = new Ajv({ strict: false }).compile(outputsSchema());
  const file = { path: '/var/log/a.json' };
  assert.ok(
    validate({ console: {}, file, second: { type: 'file', ...file } }),
    JSON.stringify(validate.errors),
  );
  assert.ok(!validate({ second: { ...file } }), 'a name that is no kind needs a type');
  assert.ok(!validate({ second: { type: 'nothing' } }));
  assert.ok(!validate({ second: { type: 'file' } }), 'a file needs a path');
  assert.ok(!validate({ file: { ...file, pathh: 'x' } }));
});

test('a mistake is said with its place and what could stand there', () => {
  assert.match(problems('file', {}), /outputs\.file\.path is needed/);
  assert.match(
    problems('file', { path: '/x', queue: { policy: 'drop' } }),
    /outputs\.file\.queue\.policy.*drop_oldest/,
  );
  assert.match(problems('file', { path: '/x', formt: 'ecs' }), /outputs\.file\.formt /);
  assert.match(problems('nat', {}), /there is no kind of output "nat"/);
  assert.match(problems('file', 'yes'), /outputs\.file .*"yes"/);
  assert.equal(problems('console', null), '', 'a name alone means the defaults');
});

test('an entry that is switched off is checked but not opened', async () => {
  const folder = testFolder();
  const off = { file: { path: '/proc/nothing/x', enabled: false } };
  const outputs = await openOutputs(off, folder);
  assert.deepEqual(outputs.stats(), []);
  await outputs.close(0);
  await assert.rejects(openOutputs({ file: { enabled: false } }, folder), /outputs\.file\.path is needed/);
});

test('the examples in docs/outputs.md are valid configurations', () => {
  const text = readFileSync(join(PACKAGE_ROOT, 'docs/outputs.md'), 'utf8');
  const examples = text
    .split(/\n\n(?! )/)
    .flatMap((part) => part.match(/(?:^|\n) {4}outputs:\n(?: {4} .*\n?)+/g) ?? []);
  assert.ok(examples.length >= 2);
  for (const example of examples) {
    const { outputs } = parse(example.replace(/^ {4}/gm, '')) as { outputs: Record<string, unknown> };
    for (const [name, entry] of Object.entries(outputs)) assert.equal(problems(name, entry), '', name);
  }
});
