import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Config } from './config/config.ts';
import { idleSelectors, loadRuleFiles } from './ruleset.ts';

const rule = (name: string, tag: string): string =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = open\n  output: o\n  priority: INFO\n  tags: [${tag}]\n`;
const FILES = [{ name: 'r.yaml', text: rule('A', 'x') + rule('B', 't1') + rule('C', 'y') }];

const config = (rules: Config['rules']) => ({
  rules,
  priority: 'debug' as const,
  rule_matching: 'all' as const,
  append_output: [],
});

test('a step that names a rule and a tag means the rule and all that have the tag', () => {
  const names = (rules: Config['rules']): string[] =>
    loadRuleFiles(config(rules), FILES).rules!.rules.map(({ name }) => name);
  assert.deepEqual(names([{ disable: { rule: 'A', tag: 't1' } }]), ['C']);
  assert.deepEqual(names([{ disable: { rule: '*' } }, { enable: { rule: 'C', tag: 'x' } }]), ['A', 'C']);
});

test('each half of a step can be the one that no rule is meant by', () => {
  const told = (rules: Config['rules']): string[] =>
    idleSelectors(config(rules), loadRuleFiles(config(rules), FILES).rules!.all).map(({ message }) =>
      message.replace(/^.*configuration: /, ''),
    );
  assert.deepEqual(told([{ disable: { rule: 'A', tag: 't1' } }]), []);
  assert.deepEqual(told([{ disable: { rule: 'A', tag: 't2' } }]), [
    'disable tag t2: no loaded rule is meant by it',
  ]);
  assert.deepEqual(told([{ enable: { rule: 'No*', tag: 'y' } }]), [
    'enable No*: no loaded rule is meant by it',
  ]);
});
