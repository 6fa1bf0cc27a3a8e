import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../../engine/core/package.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { FIELDS } from '../fields/index.ts';
import { parseCases } from './cases.ts';
import { junit } from './junit.ts';
import { RuleTester } from './run.ts';

const RULE = `
- rule: Shell below a server
  desc: d
  condition: evt.type = execve and evt.res = SUCCESS and proc.name in (sh, bash) and proc.aname[2] = sshd
  output: x %proc.name
  priority: NOTICE
`;

const tester = new RuleTester([{ name: 'r.yaml', text: RULE }], FIELDS, EVENT_NAMES);

function cases(...lines: string[]): ReturnType<typeof parseCases>['rules'] {
  const text = `- rule: Shell below a server\n  base: {evt.type: execve, proc.name: sh}\n  cases:\n${lines.map((line) => `    - ${line}\n`).join('')}`;
  const parsed = parseCases('c.yaml', text);
  assert.deepEqual(parsed.diagnostics, []);
  return parsed.rules;
}

const alert = '{note: a, given: {proc.aname: [bash, sshd]}, expect: alert}';
const other = '{note: b, given: {proc.aname: [bash, cron]}, expect: none}';

test('a case passes if the rule does what it expects, and fails with its line otherwise', () => {
  const results = tester.run(
    cases(alert, other, '{note: c, given: {proc.aname: [bash, cron]}, expect: alert}'),
  );
  assert.deepEqual(
    results.map(({ ok, line, message }) => [ok, line, message]),
    [
      [true, 4, undefined],
      [true, 5, undefined],
      [false, 6, 'the rule did not fire'],
    ],
  );
});

test('a case with an unknown field or a value of the wrong type fails and names it', () => {
  const [field, value] = tester.run(
    cases(
      '{note: a, given: {proc.nam: x}, expect: none}',
      '{note: b, given: {proc.tty: much}, expect: none}',
    ),
  );
  assert.match(field!.message!, /proc\.nam/);
  assert.match(value!.message!, /proc\.tty.*uint/);
});

test('a mutation that no case notices is named', () => {
  const { tried, survivors } = tester.mutate(cases(alert, other));
  assert.equal(tried, 4);
  assert.deepEqual(
    survivors.map((survivor) => survivor.dropped),
    ['evt.type = execve', 'evt.res = SUCCESS', 'proc.name in (sh, bash)'],
  );
});

test('coverage names rules without a case that raises them and without a near miss', () => {
  assert.deepEqual(tester.coverage([]).untested, ['Shell below a server']);
  assert.deepEqual(tester.coverage(cases(alert)).withoutNearMiss, ['Shell below a server']);
  assert.deepEqual(tester.coverage(cases(other)).withoutAlert, ['Shell below a server']);
});

test('what is no list of cases is an error with its place', () => {
  const { rules, diagnostics } = parseCases(
    'c.yaml',
    '- rule: x\n  cases:\n    - {expect: maybe}\n- 5\n- {rule: y, cass: []}\n',
  );
  assert.deepEqual(
    rules.map((rule) => rule.cases.length),
    [0],
  );
  assert.deepEqual(
    diagnostics.map((d) => d.line),
    [3, 4, 5, 5],
  );
});

test('JUnit output escapes what cases contain', () => {
  const xml = junit([{ rule: 'a"<b>', note: 'n\0', file: 'f', line: 1, ok: false, message: '&' }]);
  assert.match(xml, /name="a&#34;&#60;b&#62;"/);
  assert.match(xml, /message="&#38;"/);
  assert.ok(!xml.includes('\0'));
});

const FOLDERS = [
  ['rules', 60],
  ['rules/policies', 6],
] as const;

for (const [name, least] of FOLDERS)
  test(`${name}: all pass their cases, each has both kinds, and no condition is idle`, () => {
    const folder = join(PACKAGE_ROOT, name);
    const read = (at: string): { name: string; text: string }[] =>
      readdirSync(at)
        .filter((name) => name.endsWith('.yaml'))
        .sort()
        .map((name) => ({ name, text: readFileSync(join(at, name), 'utf8') }));
    const builtin = new RuleTester(read(folder), FIELDS, EVENT_NAMES);
    assert.deepEqual(builtin.loaded.diagnostics, []);
    const parsed = read(join(folder, 'tests')).map((file) => parseCases(file.name, file.text));
    assert.deepEqual(
      parsed.flatMap((file) => file.diagnostics),
      [],
    );
    const tests = parsed.flatMap((file) => file.rules);
    assert.deepEqual(
      builtin.run(tests).filter((result) => !result.ok),
      [],
    );
    const { rules, ...gaps } = builtin.coverage(tests);
    assert.ok(rules >= least);
    assert.deepEqual(gaps, { untested: [], withoutAlert: [], withoutNearMiss: [] });
    assert.deepEqual(builtin.mutate(tests).survivors, []);
  });
