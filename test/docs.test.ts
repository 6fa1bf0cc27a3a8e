import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

const pages = [
  ...readdirSync(PACKAGE_ROOT).filter((name) => name.endsWith('.md')),
  ...readdirSync(join(PACKAGE_ROOT, 'docs'), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];

test('every relative link in the pages leads somewhere', () => {
  const dead = pages.flatMap((page) => {
    const text = readFileSync(join(PACKAGE_ROOT, page), 'utf8');
    return [...text.matchAll(/\]\((?!https?:|mailto:|#)([^)#\s]+)/g)]
      .map((match) => match[1]!)
      .filter((target) => !existsSync(join(PACKAGE_ROOT, dirname(page), target)))
      .map((target) => `${page}: ${target}`);
  });
  assert.deepEqual(dead, []);
});

test('every file that CONTRIBUTING names exists', () => {
  const text = readFileSync(join(PACKAGE_ROOT, 'CONTRIBUTING.md'), 'utf8');
  const named = [...text.matchAll(/`((?:src|test|bpf|scripts|docs)\/[\w./-]+)`/g)].map((match) => match[1]!);
  assert.ok(named.length > 10);
  const missing = named.filter((name) => !existsSync(join(PACKAGE_ROOT, name)));
  assert.deepEqual(missing, []);
});
