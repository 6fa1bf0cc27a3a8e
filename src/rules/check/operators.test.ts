import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileCondition } from '../condition.ts';
import { LIST_OPS, NUMBER_OPS, OPERATORS, STRING_OPS } from '../lang/operators.ts';
import { TEST_EVENTS, TEST_FIELDS } from '../testing/fixture.ts';

const NUMBERS = '= == != < <= > >= in intersects exists';

/** A field of each type, a constant that fits it, and the operators that it has. */
const TYPES: readonly (readonly [field: string, constant: string, operators: string])[] = [
  ['proc.pid', '1', NUMBERS],
  ['user.uid', '1', NUMBERS],
  ['evt.rawtime', '1', NUMBERS],
  ['proc.duration', '1', NUMBERS],
  ['fd.sport', '1', NUMBERS],
  ['fd.port', '1', NUMBERS],
  ['fd.dev', '0x1', NUMBERS],
  ['len(proc.name)', '1', NUMBERS],
  ['evt.failed', 'true', '= == != in intersects exists'],
  [
    'proc.name',
    '10',
    '= == != < <= > >= contains icontains startswith endswith glob iglob regex in intersects pmatch exists',
  ],
  [
    'proc.aname',
    '10',
    '= == != < <= > >= contains icontains startswith endswith glob iglob regex in intersects pmatch exists',
  ],
  [
    'tolower(proc.name)',
    '10',
    '= == != < <= > >= contains icontains startswith endswith glob iglob regex in intersects pmatch exists',
  ],
  ['evt.buffer', '10', '= == != contains startswith endswith in intersects bcontains bstartswith exists'],
  ['fd.sip', '10.0.0.1', '= == != in intersects exists'],
  ['fd.ip', '::1', '= == != in intersects exists'],
  ['fd.snet', '10.0.0.0/8', '= == != in intersects exists'],
  ['fd.net', '::/8', '= == != in intersects exists'],
  ['fd.types', '10', 'in intersects exists'],
  ['getopt(proc.arglist, "a")', 'a', 'in intersects exists'],
];

function condition(field: string, operator: string, constant: string): string {
  if (operator === 'exists') return `${field} exists`;
  const list = (LIST_OPS as readonly string[]).includes(operator);
  // Only a number can follow these, whatever the type of the field.
  const ordered = (NUMBER_OPS as readonly string[]).includes(operator);
  const fits = !ordered || /^(?:0x)?[0-9]+$/.test(constant);
  return list ? `${field} ${operator} (${constant})` : `${field} ${operator} ${fits ? constant : '1'}`;
}

describe('operators', () => {
  for (const [field, constant, operators] of TYPES) {
    const allowed = operators.split(' ');
    it(`on ${field} are ${operators}`, () => {
      for (const { name } of OPERATORS) {
        const text = condition(field, name, constant);
        const compiled = compileCondition(text, { fields: TEST_FIELDS, events: TEST_EVENTS });
        assert.equal(compiled.ok, allowed.includes(name), text);
      }
    });

    it(`on ${field} carry modifiers where they are allowed`, () => {
      for (const operator of STRING_OPS) {
        for (const modifier of ['oneof', 'anyof', 'allof']) {
          const text = `${field} ${operator} ${modifier} (${constant}, ${constant})`;
          const compiled = compileCondition(text, { fields: TEST_FIELDS, events: TEST_EVENTS });
          assert.equal(compiled.ok, allowed.includes(operator), text);
        }
      }
    });
  }
});
