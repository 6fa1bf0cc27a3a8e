import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { layOutTable, renderDiagnostic } from './output.ts';

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

test('what a diagnostic quotes cannot act on the terminal; its lines stay lines', () => {
  const hostile = '\u001b[2J\u202e';
  const text = renderDiagnostic({
    severity: 'error',
    code: 'E_X',
    message: `${hostile}one\ntwo`,
    file: hostile,
    snippet: `${hostile}\n^`,
    help: hostile,
  });
  assert.doesNotMatch(stripVTControlCharacters(text), /[\u0000-\u0009\u000b-\u001f\u202e]/);
  assert.equal(text.split('\n').length, 6);
});
