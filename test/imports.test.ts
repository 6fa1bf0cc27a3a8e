import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

/** Left to right; a folder imports only from folders to its left, from itself and from engine/core. */
const ORDER = [
  'src/engine/core',
  'src/sensors/bpf',
  'src/sensors/record',
  'src/sensors/events',
  'src/sensors/calls',
  'src/sensors',
  'src/engine/enrich',
  'src/rules',
  'src/enforce/clauses',
  'src/enforce/tables',
  'src/enforce/deny',
  'src/enforce/kernel',
  'src/enforce',
  'src/outputs',
  'src/engine',
];

const folderOf = (file: string): string => ORDER.find((folder) => file.startsWith(`${folder}/`)) ?? '?';

/** Imports of one source file, as paths below the package. */
export function importsOf(file: string, text: string): string[] {
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map((match) => match[1]!);
  return specifiers.map((specifier) =>
    relative(PACKAGE_ROOT, resolve(PACKAGE_ROOT, dirname(file), specifier)),
  );
}

/** Arrows that point to the right. */
export function wrongArrows(files: ReadonlyMap<string, string>): string[] {
  const wrong: string[] = [];
  for (const [file, text] of files) {
    if (/\.test\.ts$/.test(file)) continue;
    const own = ORDER.indexOf(folderOf(file));
    for (const target of importsOf(file, text)) {
      const theirs = ORDER.indexOf(folderOf(target));
      if (theirs > own) wrong.push(`${file} imports ${target}`);
    }
  }
  return wrong;
}

function sources(): Map<string, string> {
  const names = readdirSync(join(PACKAGE_ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => name.endsWith('.ts')).map((name) => `src/${name}`);
  return new Map(files.map((file) => [file, readFileSync(join(PACKAGE_ROOT, file), 'utf8')]));
}

test('a folder imports only from folders to its left', () => {
  assert.deepEqual(wrongArrows(sources()), []);
});

test('an arrow to the right is found, in every form of import', () => {
  const files = new Map([
    ['src/rules/a.ts', "import { x } from '../enforce/x.ts';\nexport { y } from '../sensors/y.ts';"],
    ['src/sensors/b.ts', "const x = await import('../rules/x.ts');\nimport '../engine/core/log.ts';"],
    ['src/sensors/events/c.ts', "import { x } from '../calls/x.ts';\nimport '../record/x.ts';"],
    ['src/engine/main.ts', "import { x } from '../outputs/x.ts';"],
  ]);
  assert.deepEqual(wrongArrows(files), [
    'src/rules/a.ts imports src/enforce/x.ts',
    'src/sensors/b.ts imports src/rules/x.ts',
    'src/sensors/events/c.ts imports src/sensors/calls/x.ts',
  ]);
});

test('only one file loads libbpf', () => {
  const loaders = [...sources()]
    .filter(([, text]) => /koffi\.load\(['"]libbpf/.test(text))
    .map(([file]) => file);
  assert.ok(loaders.length <= 1, loaders.join(', '));
});
