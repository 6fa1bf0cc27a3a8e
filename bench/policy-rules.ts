import type { Event } from '../src/engine/enrich/event.ts';
import { LANGUAGE } from '../src/engine/ruleset.ts';
import { loadRules, type RuleSet } from '../src/rules/index.ts';

/** The rules of a text; throws what is wrong with it. */
export function compiledRules(text: string): RuleSet<Event> {
  const { rules, diagnostics } = loadRules([{ name: 'bench', text }], LANGUAGE);
  if (rules === undefined) throw new Error(diagnostics[0]?.message);
  return rules;
}
