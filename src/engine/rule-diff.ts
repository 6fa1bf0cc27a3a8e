import { planComparison } from '../rules/check/same-plan.ts';
import type { CompiledRule, RuleSet } from '../rules/index.ts';
import type { Event } from './enrich/event.ts';
import type { EngineReport } from './thread/protocol.ts';

/** Names of rules by how two rule sets differ: by what the rules do, however they are written. */
export function compareRules(
  before: RuleSet<Event>,
  after: RuleSet<Event>,
): NonNullable<EngineReport['diff']> {
  const old = new Map(before.rules.map((rule) => [rule.name, rule]));
  const now = new Set(after.rules.map(({ name }) => name));
  const samePlan = planComparison<Event>();
  const changed = (rule: CompiledRule<Event>): boolean => {
    const was = old.get(rule.name);
    return was !== undefined && (keysOf(was) !== keysOf(rule) || !samePlan(was.plan, rule.plan));
  };
  return {
    added: [...now].filter((name) => !old.has(name)),
    removed: [...old.keys()].filter((name) => !now.has(name)),
    changed: after.rules.filter(changed).map(({ name }) => name),
  };
}

/** What decides, beside its condition, what a rule does. */
function keysOf(rule: CompiledRule<Event>): string {
  const { source, priority, tags, enforce, respond, mode, fail, scope, output } = rule;
  const keys = [source, priority, tags, enforce, respond, mode, fail, scope, output.text, output.allNames];
  return JSON.stringify(keys);
}
