import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { parseCases, type RuleCases } from '../../rules/cases/cases.ts';
import { junit } from '../../rules/cases/junit.ts';
import { type CaseResult, RuleTester } from '../../rules/cases/run.ts';
import { FIELDS } from '../../rules/fields/index.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { AppError, type Diagnostic, EXIT } from '../core/diagnostic.ts';
import { BUILTIN_RULES, expandPath } from '../rule-files.ts';
import { readRuleFiles } from '../ruleset.ts';
import { act, type CommandSpec } from './command.ts';
import { note, noteDiagnostics, paint, print, printJson } from './output.ts';

interface TestOptions {
  readonly rules?: string[];
  readonly filter?: string;
  readonly junit?: string;
  readonly coverage?: boolean;
  readonly mutate?: boolean;
  readonly json?: boolean;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence test', 'run the cases of the rules that come with Ringfence'],
    ['ringfence test /etc/ringfence/rules.d/tests', 'run your own; the rules are the files one folder up'],
    ['ringfence test --mutate --coverage', 'also say what no case would notice'],
  ],
  configure(command) {
    command
      .argument('[path...]', 'files or folders of cases', [join(BUILTIN_RULES, 'tests')])
      .option('-r, --rules <file...>', 'rules to test (default: the *.yaml beside the folder of the cases)')
      .option('--filter <text>', 'only rules whose name contains the text')
      .option('--junit <file>', 'also write the results as JUnit XML')
      .option('--coverage', 'fail if a rule has no case that raises it, or none that nearly does')
      .option('--mutate', 'drop each operand of each "and" once and fail if no case notices')
      .option('--json', 'print one JSON document')
      .action(act((paths: string[], options: TestOptions) => runTests(paths, options)));
  },
};

function runTests(paths: readonly string[], options: TestOptions): number {
  const files = paths.flatMap((path) => expandPath(path));
  const rules = readRuleFiles((options.rules ?? rulesBeside(paths)).flatMap((path) => expandPath(path)));
  const tester = new RuleTester(rules, FIELDS, EVENT_NAMES);
  const parsed = files.map((file) => parseCases(file, readFileSync(file, 'utf8')));
  const errors: Diagnostic[] = [
    ...tester.loaded.diagnostics.filter((d) => d.severity === 'error'),
    ...parsed.flatMap((file) => file.diagnostics),
  ];
  if (errors.length > 0) {
    noteDiagnostics(errors);
    return EXIT.invalid;
  }
  const wanted = (test: RuleCases): boolean => !options.filter || test.rule.includes(options.filter);
  const tests = parsed.flatMap((file) => file.rules).filter(wanted);
  if (tests.length === 0) {
    const what = options.filter === undefined ? '' : ` for a rule with "${options.filter}" in its name`;
    throw new AppError('E_RULE_TEST', `there are no cases${what}`, { exitCode: EXIT.invalid });
  }
  const results = tester.run(tests);
  const failed = results.filter((result) => !result.ok);
  const coverage = options.coverage ? tester.coverage(tests) : undefined;
  const mutation = options.mutate ? tester.mutate(tests) : undefined;
  if (options.junit) writeFileSync(options.junit, junit(results));
  const gaps = coverage
    ? coverage.untested.length + coverage.withoutAlert.length + coverage.withoutNearMiss.length
    : 0;
  const ok = failed.length === 0 && gaps === 0 && (mutation?.survivors.length ?? 0) === 0;
  if (options.json) {
    printJson({ schema: 'ringfence.test.v1', ok, cases: results, coverage, mutation });
    return ok ? EXIT.ok : EXIT.problems;
  }
  for (const result of failed) print(failure(result));
  for (const name of coverage?.untested ?? []) print(`no case: ${name}`);
  for (const name of coverage?.withoutAlert ?? []) print(`no case that raises it: ${name}`);
  for (const name of coverage?.withoutNearMiss ?? []) print(`no near miss: ${name}`);
  for (const { rule, dropped } of mutation?.survivors ?? []) print(`unnoticed: ${rule}: without ${dropped}`);
  note(
    `${results.length} cases of ${new Set(tests.map((test) => test.rule)).size} rules, ${failed.length} failed`,
  );
  if (mutation) note(`${mutation.tried} mutations, ${mutation.survivors.length} unnoticed`);
  return ok ? EXIT.ok : EXIT.problems;
}

function failure(result: CaseResult): string {
  return `${paint('red', 'FAIL')} ${result.file}:${result.line} ${result.rule}: ${result.note}: ${result.message}`;
}

/** Cases live in a folder `tests` beside the rules that they test. */
function rulesBeside(paths: readonly string[]): string[] {
  const folders = paths.map((path) => (statSync(path).isDirectory() ? path : dirname(path)));
  return [...new Set(folders.map((folder) => (basename(folder) === 'tests' ? dirname(folder) : folder)))];
}
