import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { absolute, directoryOf, fileName, normalize, squeeze } from './paths.ts';

test('paths are normalised without looking at the file system', () => {
  const cases: [string, string][] = [
    ['/etc/../etc/shadow', '/etc/shadow'],
    ['/', '/'],
    ['//', '/'],
    ['/..', '/'],
    ['/../../x', '/x'],
    ['/a/./b/', '/a/b'],
    ['/a//b', '/a/b'],
    ['/a/.b/..c', '/a/.b/..c'],
    ['/a/b/..', '/a'],
    ['/a/...', '/a/...'],
    ['/a/.', '/a'],
  ];
  for (const [path, normal] of cases) assert.equal(normalize(path), normal, path);
});

test('relative paths go below their base, and a base that is not known shows', () => {
  assert.equal(absolute('x', '/tmp'), '/tmp/x');
  assert.equal(absolute('../etc/passwd', '/tmp'), '/etc/passwd');
  assert.equal(absolute('x', '/'), '/x');
  assert.equal(absolute('', '/tmp'), '/tmp');
  assert.equal(absolute('x', undefined), '<UNKNOWN>/x');
  assert.equal(absolute('/x', undefined), '/x');
  assert.equal(absolute('x'.repeat(1100), '/tmp'), '/DIR_TOO_LONG/FILENAME_TOO_LONG');
});

test('a path has a directory and a file name', () => {
  assert.equal(directoryOf('/etc/shadow'), '/etc');
  assert.equal(directoryOf('/shadow'), '/');
  assert.equal(directoryOf('shadow'), undefined);
  assert.equal(fileName('/etc/shadow'), 'shadow');
  assert.equal(squeeze('//etc///x'), '/etc/x');
});

test('a normalised path is absolute, has no empty or dotted part, and stays as it is', () => {
  const part = fc.constantFrom('', '.', '..', 'a', 'b.', '.c', '...');
  fc.assert(
    fc.property(fc.array(part, { maxLength: 8 }), (parts) => {
      const normal = normalize(`/${parts.join('/')}`);
      assert.match(normal, /^\//);
      assert.equal(normalize(normal), normal);
      if (normal !== '/')
        for (const p of normal.slice(1).split('/')) assert.ok(p !== '' && p !== '.' && p !== '..', normal);
    }),
  );
});
