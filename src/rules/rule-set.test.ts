import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { loadRules } from './load/load.ts';
import type { CompiledRule } from './rule-set.ts';
import { TEST_EVENTS, TEST_FIELDS, type TestEvent } from './testing/fixture.ts';

const code = (name: string): number => TEST_EVENTS.code(name)!;

/** One rule per condition, named after its index. */
const load = (conditions: readonly string[], matching: 'all' | 'first' = 'all') => {
  const rules = conditions.map((condition, i) => ({
    rule: `r${i}`,
    desc: 'd',
    condition,
    output: '%proc.name',
    priority: 'INFO',
    warn_evttypes: false,
  }));
  const result = loadRules<TestEvent>([{ name: 'x', text: JSON.stringify(rules) }], {
    fields: TEST_FIELDS,
    events: TEST_EVENTS,
    matching,
  });
  assert.ok(result.rules, result.diagnostics.map((diagnostic) => diagnostic.message).join());
  return result.rules;
};

const matches = (rules: ReturnType<typeof load>, event: TestEvent): string[] => {
  const out: CompiledRule<TestEvent>[] = [];
  return out.slice(0, rules.evaluate(event, code(event.type), out)).map((rule) => rule.name);
};

describe('a rule set', () => {
  it('fires all rules in order of definition, whatever they are filed under', () => {
    const rules = load(['evt.type = open', 'proc.name = x', 'evt.type in (close, open)', 'evt.type = close']);
    assert.deepEqual(matches(rules, { type: 'open', values: { 'proc.name': 'x' } }), ['r0', 'r1', 'r2']);
    assert.deepEqual(matches(rules, { type: 'close', values: {} }), ['r2', 'r3']);
    assert.deepEqual(matches(rules, { type: 'connect', values: { 'proc.name': 'x' } }), ['r1']);
  });

  it('fires the first only, when told to, also beyond one generated function', () => {
    const many = [
      ...Array.from({ length: 120 }, (_, i) => `evt.type = open and fd.num = ${i}`),
      'evt.type = open',
    ];
    assert.deepEqual(matches(load(many, 'first'), { type: 'open', values: { 'fd.num': 60 } }), ['r60']);
    assert.deepEqual(matches(load(many), { type: 'open', values: { 'fd.num': 60 } }), ['r60', 'r120']);
    assert.deepEqual(matches(load(many, 'first'), { type: 'open', values: {} }), ['r120']);
  });

  it('keeps nothing of one event for the next', () => {
    const rules = load([
      'evt.type = open and proc.name contains x and fd.name exists',
      'evt.type = open and not proc.name contains x',
    ]);
    for (const name of ['x', 'y', undefined, 'x']) {
      const values = name === undefined ? {} : { 'proc.name': name, 'fd.name': 'f' };
      assert.deepEqual(matches(rules, { type: 'open', values }), [name === 'x' ? 'r0' : 'r1']);
    }
  });

  it('knows the events it needs', () => {
    const rules = load(['evt.type = open', 'evt.type in (close, connect) and not evt.type = close']);
    assert.deepEqual(rules.neededEvents(), new Set([code('open'), code('connect')]));
    assert.equal(rules.wants(code('open')), true);
    assert.equal(rules.wants(code('close')), false);
    assert.equal(load(['proc.name = x']).neededEvents(), 'all');
    assert.deepEqual(load(['evt.type = open and evt.num = 0']).neededEvents(), new Set());
  });

  it('ignores event codes that do not exist', () => {
    assert.equal(load(['proc.name exists']).evaluate({ type: 'open', values: {} }, 99_999, []), 0);
  });

  it('passes constants as data: no text of a rule becomes code', () => {
    const hostile = [
      '"+process.exit(1)+"',
      '`$' + '{process.exit(1)}`',
      '\\"];process.exit(1);//',
      '\u2028',
      '*/process.exit(1)/*',
    ];
    const rules = load(hostile.map((text) => `evt.type = open and fd.name = ${JSON.stringify(text)}`));
    assert.deepEqual(
      matches(rules, { type: 'open', values: { 'fd.name': Buffer.from(hostile[1]!).toString('latin1') } }),
      ['r1'],
    );
  });
});
