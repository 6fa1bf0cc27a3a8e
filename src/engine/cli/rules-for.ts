import { type FieldTable, loadRules, type RuleSet } from '../../rules/index.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { nearest } from '../core/nearest.ts';
import { ruleFiles } from '../rule-files.ts';
import { loadOptions, readRuleFiles } from '../ruleset.ts';
import { configFor } from './config-for.ts';
import { noteDiagnostics } from './output.ts';

export interface RuleOptions {
  readonly config?: string;
  readonly rules?: readonly string[];
}

/** The rules that are configured or given, or an error after what is wrong with them was shown. */
export async function rulesFor<E>(options: RuleOptions, fields: FieldTable<E>): Promise<RuleSet<E>> {
  const config = await configFor(options.config);
  const files = readRuleFiles(ruleFiles(config, options.rules));
  const result = loadRules(files, { ...loadOptions(config), fields });
  if (result.rules) return result.rules;
  noteDiagnostics(result.diagnostics.filter((d) => d.severity === 'error'));
  throw new AppError('E_RULES', 'the rules are not valid (above)', { exitCode: EXIT.invalid });
}

/** The error about a rule that is not there. */
export function unknownRule(name: string, names: Iterable<string>): AppError {
  const close = nearest(name, names);
  return new AppError('E_RULE_UNKNOWN', `there is no rule "${name}"`, {
    exitCode: EXIT.usage,
    help: close ? `did you mean "${close}"?` : 'ringfence rules describe lists them',
  });
}
