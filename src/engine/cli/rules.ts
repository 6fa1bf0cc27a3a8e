import { chownSync, readFileSync, realpathSync, statSync } from 'node:fs';
import type { Command } from 'commander';
import { describeRule, describeRules, formatRulesFile, type RuleDescription } from '../../rules/index.ts';
import { load } from '../config/config.ts';
import { EXIT } from '../core/diagnostic.ts';
import { replaceFile } from '../core/replace-file.ts';
import { expandPath, ruleFiles } from '../rule-files.ts';
import { loadRuleFiles, readRuleFiles } from '../ruleset.ts';
import { act, type CommandSpec } from './command.ts';
import { note, noteDiagnostics, paint, print, printBeside, printJson, printTable } from './output.ts';
import { outputSchemas } from './outputs.ts';
import { unknownRule } from './rules-for.ts';

interface Options {
  readonly config?: string;
  readonly rules?: readonly string[];
  readonly json?: boolean;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence rules describe', 'all rules that are configured'],
    ['ringfence rules describe "Password hashes read"', 'one rule: what it reads and what it does'],
    ['ringfence rules describe -r my_rules.yaml --json', 'everything in a file, for a program'],
    ['ringfence rules fmt my_rules.yaml', 'lay a file out'],
  ],
  configure(command) {
    withRules(command.command('describe').description('show rules, macros and lists as they are understood'))
      .argument('[rule]', 'name of one rule')
      .action(act(describe));
    command
      .command('fmt')
      .description('lay rules files out, without touching their meaning or comments')
      .argument('<path...>', 'rules files or folders')
      .option('--check', 'change nothing; exit code 4 if a file would change')
      .action(act(fmt));
  },
};

function withRules(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file')
    .option('-r, --rules <path...>', 'rules files or folders, instead of the configured ones')
    .option('--json', 'one JSON document');
}

async function describe(name: string | undefined, options: Options): Promise<number> {
  const { config, diagnostics } = load(await outputSchemas(), { file: options.config });
  noteDiagnostics(diagnostics);
  if (!config) return EXIT.invalid;
  const result = loadRuleFiles(config, readRuleFiles(ruleFiles(config, options.rules)));
  if (!result.ok) {
    noteDiagnostics(result.diagnostics.filter((d) => d.severity === 'error'));
    return EXIT.invalid;
  }
  if (name === undefined) {
    const all = describeRules(result);
    if (options.json) printJson(all);
    else printTable(['RULE', 'PRIORITY', 'ENFORCE', 'DESCRIPTION'], all.rules.map(row));
    return EXIT.ok;
  }
  const rule = describeRule(result, name);
  if (!rule) {
    throw unknownRule(name, result.model.compiled.keys());
  }
  if (options.json) printJson(rule);
  else show(rule);
  return EXIT.ok;
}

const row = ({ info, enforcement }: RuleDescription): string[] => [
  info.name,
  info.enabled ? info.priority : `${info.priority} (disabled)`,
  enforcement.enforce,
  info.description,
];

function show({ info, details, enforcement, location }: RuleDescription): void {
  const line = (name: string, value: string): void => {
    if (value !== '') printBeside(paint('bold', name.padEnd(13)), value);
  };
  line('Rule', info.name);
  line('Description', info.description);
  line('Priority', info.enabled ? info.priority : `${info.priority} (disabled)`);
  line('Tags', info.tags.join(' '));
  line('Condition', info.condition);
  line('Output', info.output);
  line('Events', details.events.length > 12 ? `${details.events.length} kinds` : details.events.join(' '));
  line('Fields', details.condition_fields.join(' '));
  line('Macros', details.macros.join(' '));
  line('Lists', details.lists.join(' '));
  line('Exceptions', details.exception_names.join(' '));
  line(
    'Enforce',
    enforcement.enforce === 'none'
      ? ''
      : [
          enforcement.enforce,
          enforcement.mode && `mode ${enforcement.mode}`,
          enforcement.fail && `fail ${enforcement.fail}`,
          enforcement.scope && `scope ${scopeText(enforcement.scope)}`,
        ]
          .filter(Boolean)
          .join(', '),
  );
  line('Respond', enforcement.respond.map((response) => JSON.stringify(response)).join(' '));
  line('Where', `${location.file}:${location.line}`);
}

/** Whose it is and behind which link stays as it was; on a full disk the text too. */
function overwrite(file: string, text: string): void {
  const target = realpathSync(file);
  const { uid, gid, mode } = statSync(target);
  replaceFile(target, text, mode & 0o7777);
  if (process.geteuid?.() === 0) chownSync(target, uid, gid);
}

const scopeText = (scope: unknown): string => (typeof scope === 'string' ? scope : JSON.stringify(scope));

function fmt(paths: readonly string[], options: { check?: boolean }): number {
  let changed = 0;
  let failed = 0;
  for (const file of paths.flatMap(expandPath)) {
    const result = formatRulesFile(readFileSync(file, 'utf8'));
    if (!result.ok) {
      failed++;
      note(`${file}: ${result.error}`);
    } else if (result.changed) {
      changed++;
      if (!options.check) overwrite(file, result.text);
      print(file);
    }
  }
  if (failed > 0) return EXIT.invalid;
  return options.check && changed > 0 ? EXIT.problems : EXIT.ok;
}
