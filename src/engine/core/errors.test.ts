import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ERRORS } from './errors.ts';
import { PACKAGE_ROOT } from './package.ts';

/** Codes in the sources, outside of tests and of the table itself; the beginning of one that is put together. */
function codesInSources(): Set<string> {
  const names = readdirSync(join(PACKAGE_ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const files = names.filter(
    (name) => /\.ts$/.test(name) && !/\.test\.ts$|testing|core\/errors\.ts$/.test(name),
  );
  const texts = files.map((name) => readFileSync(join(PACKAGE_ROOT, 'src', name), 'utf8'));
  return new Set(
    texts.flatMap((text) => text.match(/['`](E|W)_[A-Z_]+|'(sensor|enforce)\/[a-z-]+'/g) ?? []).values(),
  );
}

test('every code in the sources has a row in the error table, and every row is used', () => {
  const used = [...codesInSources()].map((quoted) => quoted.replaceAll(/['`]/g, '')).sort();
  assert.deepEqual(used, Object.keys(ERRORS).sort());
});

test('a row says what to do', () => {
  for (const [code, { title, cause, remedy }] of Object.entries(ERRORS)) {
    assert.ok(title && cause.endsWith('.') && remedy.length > 5, code);
  }
});
