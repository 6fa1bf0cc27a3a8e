import assert from 'node:assert/strict';
import { test } from 'node:test';
import { stringify } from 'yaml';
import { type AppendOutput, loadRules, type RuleSet } from '../rules/index.ts';
import type { Event } from './enrich/event.ts';
import { compareRules } from './rule-diff.ts';
import { LANGUAGE } from './ruleset.ts';

type Entry = Readonly<Record<string, unknown>>;

const LIST: Entry = { list: 'files', items: ['/etc/shadow', '/etc/gshadow'] };
const MACRO: Entry = { macro: 'opens', condition: 'evt.type in (open, openat)' };
const RULE: Entry = {
  rule: 'R',
  desc: 'd',
  condition: 'opens and fd.name in (files) and not proc.name = passwd',
  output: 'opened %fd.name',
  priority: 'WARNING',
  tags: ['a'],
  enforce: 'deny',
  mode: 'enforce',
  fail: 'closed',
  scope: 'containers',
  respond: [{ deny_ip: { ttl: '10m' } }],
  exceptions: [{ name: 'e', fields: ['user.uid'], values: [['0']] }],
};
/** Stands below the one that changes, and shares its macro's events. */
const OTHER: Entry = {
  rule: 'Other',
  desc: 'd',
  condition: 'evt.type in (open, openat) and fd.name = /etc/passwd',
  output: 'o',
  priority: 'INFO',
};

function load(entries: readonly Entry[], appendOutput: readonly AppendOutput[] = []): RuleSet<Event> {
  const { rules, diagnostics } = loadRules([{ name: 'test', text: stringify(entries) }], {
    ...LANGUAGE,
    appendOutput,
  });
  assert.ok(rules, diagnostics[0]?.message);
  return rules;
}

const BEFORE = load([LIST, MACRO, RULE, OTHER]);
const changed = (after: RuleSet<Event>): readonly string[] => {
  const diff = compareRules(BEFORE, after);
  assert.deepEqual([diff.added, diff.removed], [[], []]);
  return diff.changed;
};

const CHANGES: Readonly<Record<string, unknown>> = {
  condition: 'opens and fd.name in (files)',
  output: 'read %fd.name',
  priority: 'ERROR',
  tags: ['a', 'b'],
  enforce: 'kill',
  mode: 'monitor',
  fail: 'open',
  scope: 'host',
  respond: [{ deny_ip: { ttl: '11m' } }],
  exceptions: [{ name: 'e', fields: ['user.uid'], values: [['0'], ['1']] }],
};

for (const [key, value] of Object.entries(CHANGES)) {
  test(`a rule with another ${key} has changed`, () => {
    assert.deepEqual(changed(load([LIST, MACRO, { ...RULE, [key]: value }, OTHER])), ['R']);
    if (key === 'condition' || key === 'output' || key === 'priority') return;
    const { [key]: _, ...without } = RULE;
    assert.deepEqual(changed(load([LIST, MACRO, without, OTHER])), ['R'], 'without it');
  });
}

test('a rule has changed with a list, a macro or an appended output that it uses', () => {
  const list = { ...LIST, items: ['/etc/shadow', '/etc/gshadow-'] };
  assert.deepEqual(changed(load([list, MACRO, RULE, OTHER])), ['R']);
  const macro = { ...MACRO, condition: 'evt.type in (open, openat2)' };
  assert.deepEqual(changed(load([LIST, macro, RULE, OTHER])), ['R']);
  const appended = [{ match: { tags: ['a'] }, extraFields: ['proc.pid'] }];
  assert.deepEqual(changed(load([LIST, MACRO, RULE, OTHER], appended)), ['R']);
});

test('every part of a condition counts', () => {
  const from = (condition: string): RuleSet<Event> => load([{ ...OTHER, condition }]);
  const conditions = [
    'evt.type = open',
    'evt.type = openat',
    'evt.type = open and fd.name exists',
    'evt.type = open and fd.num exists',
    'evt.type = open and not fd.name exists',
    'evt.type = open or fd.name exists',
    'evt.type = open and fd.num > 3',
    'evt.type = open and fd.num >= 3',
    'evt.type = open and proc.name = val(proc.exe)',
    'evt.type = open and proc.name = val(proc.pname)',
    'evt.type = open and proc.name != val(proc.exe)',
    'evt.type = open and toupper(proc.name) = A',
    'evt.type = open and proc.aname[1] = A',
    'evt.type = open and proc.aname[2] = A',
  ];
  for (const a of conditions) {
    for (const b of conditions) {
      const expected = a === b ? [] : ['Other'];
      assert.deepEqual(compareRules(from(a), from(b)).changed, expected, `${a} → ${b}`);
    }
  }
});

test('what is only written or placed in another way has not changed', () => {
  const condition = 'evt.type in (open, openat)\n  and (fd.name in (files)) and not (proc.name == passwd)';
  const entries = [OTHER, LIST, { ...RULE, condition, desc: 'told better' }];
  assert.deepEqual(changed(load(entries)), []);
});

test('rules that are new, gone or disabled are told apart', () => {
  const after = load([LIST, MACRO, { ...RULE, enabled: false }, { ...OTHER, rule: 'New' }]);
  assert.deepEqual(compareRules(BEFORE, after), { added: ['New'], removed: ['R', 'Other'], changed: [] });
});
