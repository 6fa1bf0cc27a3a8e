import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

interface Entry {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly hasInstallScript?: boolean;
}

const read = (name: string): unknown => JSON.parse(readFileSync(join(PACKAGE_ROOT, name), 'utf8'));
const lock = read('package-lock.json') as { packages: Record<string, Entry> };
const manifest = read('package.json') as { allowScripts: Record<string, boolean> };

test('the lock file has every optional package, or npm ci refuses the whole', () => {
  const missing = Object.values(lock.packages)
    .flatMap((entry) => Object.keys(entry.optionalDependencies ?? {}))
    .filter((name) => !Object.hasOwn(lock.packages, `node_modules/${name}`));
  assert.deepEqual(missing, []);
});

test('the lock file names no registry', () => {
  assert.doesNotMatch(readFileSync(join(PACKAGE_ROOT, 'package-lock.json'), 'utf8'), /"resolved"|registry/);
});

test('package.json decides about every package with an install script', () => {
  const scripts = Object.entries(lock.packages)
    .filter(([, entry]) => entry.hasInstallScript)
    .map(([path]) => path.replace(/^node_modules\//, ''));
  for (const name of scripts)
    assert.ok(Object.hasOwn(manifest.allowScripts, name) || name === 'fsevents', name);
});
