import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lexicalPath } from './lexical.ts';

test('dots and doubled slashes go, the root stays', () => {
  assert.equal(lexicalPath('/a/b', '../c/./d//e'), '/a/c/d/e');
  assert.equal(lexicalPath('/a', '/../x/..'), '/');
});
