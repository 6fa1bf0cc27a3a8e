import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { UPSTREAM_RULES, upstreamSkip } from '../../test/lib/upstream-rules.ts';
import { EVENT_NAMES } from '../sensors/events/events.ts';
import { describeRules } from './describe.ts';
import { FieldTable } from './field-table.ts';
import { FIELDS } from './fields/index.ts';
import { formatRulesFile } from './fmt.ts';
import { parseCondition } from './lang/parser.ts';
import { printExpr } from './lang/print.ts';
import { loadRules } from './load/load.ts';

const NAMES = ['falco_rules.yaml', 'falco-incubating_rules.yaml'];
const textOf = (name: string): string => readFileSync(join(UPSTREAM_RULES, name), 'utf8');

const load = (names: readonly string[]) =>
  loadRules(
    names.map((name) => ({ name, text: textOf(name) })),
    { fields: new FieldTable(FIELDS), events: EVENT_NAMES, appendOutput: [{ suggestedOutput: true }] },
  );

describe('upstream rule files', { skip: upstreamSkip() }, () => {
  for (const names of [[NAMES[0]!], [NAMES[1]!], NAMES]) {
    it(`load unmodified, without errors and warnings: ${names.join(', ')}`, () => {
      const result = load(names);
      assert.deepEqual(
        result.diagnostics.map((diagnostic) => diagnostic.message),
        [],
      );
    });
  }

  it('give 56 rules, each filed under some events', () => {
    const { rules } = load(NAMES);
    assert.equal(rules?.all.length, 56);
    for (const rule of rules?.all ?? []) {
      assert.ok(rule.eventCodes !== undefined && rule.eventCodes.size < 20, rule.name);
    }
  });

  it('have compiled conditions that read back as themselves', () => {
    for (const rule of describeRules(load(NAMES)).rules) {
      const text = rule.details.condition_compiled;
      const parsed = parseCondition(text);
      // Values such as "(systemd)" are shown without quotes, as Falco does, and cannot be read back.
      if (parsed.ok) assert.equal(printExpr(parsed.expr), text);
      else assert.match(text, /\((?:s-server|systemd|[^ ()]+)\)/);
    }
  });

  it('can be formatted', () => {
    for (const name of NAMES) assert.ok(formatRulesFile(textOf(name)).ok, name);
  });
});
