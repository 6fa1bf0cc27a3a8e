import assert from 'node:assert/strict';
import { test } from 'node:test';
import { layOutTable } from './output.ts';

test('a table keeps within the width as far as its words allow', () => {
  const rows = [
    ['NAME', 'PARAMETERS', 'DESCRIPTION'],
    ['open', 'fd name flags mode dev ino', 'A file was opened.'],
    ['x'.repeat(40), 'a', 'Pushed below a name that is too long.'],
  ];
  assert.deepEqual(layOutTable(rows, 70), [
    `NAME${' '.repeat(28)}PARAMETERS    DESCRIPTION`,
    `open${' '.repeat(28)}fd name       A file was opened.`,
    `${' '.repeat(32)}flags mode`,
    `${' '.repeat(32)}dev ino`,
    'x'.repeat(40),
    `${' '.repeat(32)}a             Pushed below a name that`,
    `${' '.repeat(46)}is too long.`,
  ]);
  assert.deepEqual(
    layOutTable(
      [
        ['A', 'B'],
        ['1', 'two words'],
      ],
      80,
    ),
    ['A  B', '1  two words'],
  );
});
