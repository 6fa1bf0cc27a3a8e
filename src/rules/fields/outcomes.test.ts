import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EVENT_NAMES, eventDef } from '../../sensors/events/events.ts';
import { compileCondition } from '../condition.ts';
import { outcomesOf } from './outcomes.ts';
import { shellWorld, TABLE } from './test-world.ts';

function compiled(text: string) {
  const result = compileCondition(text, { fields: TABLE, events: EVENT_NAMES });
  if (!result.ok) throw new Error(`${text}: ${result.diagnostics[0]?.message}`);
  return result;
}

const CASES: [condition: string, event: string, outcomes: string][] = [
  ['evt.type = openat and fd.name startswith /etc', 'openat', 'ok failed'],
  ['evt.type = openat and fd.num >= 0', 'openat', 'ok'],
  ['evt.type = openat and fd.num = -1', 'openat', 'failed'],
  ['evt.type = openat and fd.num = -1 and evt.res startswith E', 'openat', 'failed'],
  ['evt.type in (open, openat) and (fd.num >= 0 or fd.num = -1)', 'openat', 'ok failed'],
  ['evt.type = connect and fd.num >= 0', 'connect', 'ok failed'],
  ['evt.type = connect and (evt.rawres >= 0 or evt.res = EINPROGRESS)', 'connect', 'ok failed'],
  ['evt.type = connect and evt.rawres >= 0', 'connect', 'ok'],
  ['evt.type = dup2 and evt.rawres in (0, 1, 2)', 'dup2', 'ok'],
  ['evt.type = unlink and evt.failed = true', 'unlink', 'failed'],
  ['evt.type = unlink and not evt.failed = true', 'unlink', 'ok'],
  ['evt.type = unlink and evt.res = SUCCESS', 'unlink', 'ok'],
  ['evt.type = unlink and evt.res != SUCCESS', 'unlink', 'failed'],
  ['evt.type = unlink and not evt.res in (SUCCESS, EPERM)', 'unlink', 'failed'],
  ['(evt.type = open and fd.num >= 0) or evt.type = unlink', 'unlink', 'ok failed'],
  ['(evt.type = open and fd.num >= 0) or evt.type = unlink', 'open', 'ok'],
  ['evt.type = unlink and evt.rawres < 0', 'unlink', 'failed'],
  ['evt.type = unlink and evt.rawres > -1', 'unlink', 'ok'],
  ['evt.type = unlink and evt.rawres = -2', 'unlink', 'failed'],
  ['evt.type = unlink and evt.rawres > -2', 'unlink', 'ok failed'],
  ['evt.type = getpid and evt.failed = true', 'getpid', 'ok failed'],
];

test('the tests on name and result rule outcomes out', () => {
  for (const [condition, event, expected] of CASES) {
    const { ok, failed } = outcomesOf(compiled(condition).plan, eventDef(event));
    const actual = [ok ? 'ok' : '', failed ? 'failed' : ''].filter(Boolean).join(' ');
    assert.equal(actual, expected, `${condition} on ${event}`);
  }
});

test('no call that satisfies a condition is ruled out', () => {
  const atom = fc.constantFrom(
    'evt.type = openat',
    'evt.type != unlink',
    'evt.type in (openat, connect)',
    'evt.res = SUCCESS',
    'evt.res != ENOENT',
    'evt.res in (ENOENT, SUCCESS)',
    'evt.res startswith E',
    'evt.rawres >= 0',
    'evt.rawres < 1',
    'evt.rawres <= -2',
    'evt.rawres > -2',
    'evt.rawres = -2',
    'evt.rawres in (3, -2)',
    'evt.rawres != 3',
    'evt.failed = true',
    'fd.num >= 0',
    'fd.num = -1',
    'fd.num != 3',
    'fd.num < 0',
    'fd.num in (3, 4)',
    'proc.name = cat',
    'fd.name exists',
  );
  const condition = fc.letrec<{ node: string }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4 },
      atom,
      fc.tuple(tie('node'), fc.constantFrom('and', 'or'), tie('node')).map((parts) => `(${parts.join(' ')})`),
      tie('node').map((inner) => `not (${inner})`),
    ),
  })).node;
  const world = shellWorld();
  const names = fc.constantFrom('openat', 'unlink', 'connect');
  fc.assert(
    fc.property(condition, names, fc.constantFrom(-2, -1, -115, 0, 3), (text, name, ret) => {
      const { test: matches, plan } = compiled(text);
      const event = world.call(name, 300, { ret, args: [-100, 0, 0], path0: '/x' });
      if (!matches(event)) return;
      const outcomes = outcomesOf(plan, event.def);
      assert.ok(ret < 0 ? outcomes.failed : outcomes.ok, `${text} on ${name} = ${ret}`);
    }),
    { numRuns: 1000 },
  );
});
