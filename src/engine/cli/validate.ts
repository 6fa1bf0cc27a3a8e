import { existsSync, readFileSync } from 'node:fs';
import { escapeLines } from '../../outputs/formats/text.ts';
import {
  checkSyntaxLine,
  compileCondition,
  type FileResult,
  type RuleFile,
  type ValidationResult,
  validationResult,
  validationText,
} from '../../rules/index.ts';
import { load } from '../config/config.ts';
import { AppError, type Diagnostic, EXIT } from '../core/diagnostic.ts';
import { expandPath, ruleFiles } from '../rule-files.ts';
import { idleSelectors, LANGUAGE, loadRuleFiles, policyProblems } from '../ruleset.ts';
import { act, type CommandSpec } from './command.ts';
import { noteDiagnostics, print, printJson } from './output.ts';
import { outputSchemas } from './outputs.ts';

interface Options {
  readonly config?: string;
  readonly strict?: boolean;
  readonly json?: boolean;
  readonly syntax?: boolean;
  readonly conditions?: string;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence validate', 'the configuration and the rules that it names'],
    ['ringfence validate my_rules.yaml', 'one file of rules'],
    ['ringfence validate --strict --json rules/', 'a folder, for CI: warnings count as errors'],
    ['echo "proc.name = cat" | ringfence validate --conditions -', 'single conditions, one a line'],
  ],
  configure(command) {
    command
      .argument('[path...]', 'rules files or folders; - is standard input')
      .option('-c, --config <file>', 'configuration file')
      .option('--strict', 'warnings count as errors')
      .option('--conditions <file>', 'check conditions, one a line; - is standard input')
      .option(
        '--syntax',
        'with --conditions: each line is a JSON string; answers one JSON line each, for its syntax alone',
      )
      .option('--json', 'one JSON document')
      .action(act(validate));
  },
};

async function validate(paths: readonly string[], options: Options): Promise<number> {
  if (options.conditions !== undefined) return validateConditions(options.conditions, options);
  const { config, diagnostics } = load(await outputSchemas(), { file: options.config });
  if (!config) {
    if (options.json) printJson({ successful: false, config_errors: diagnostics, falco_load_results: [] });
    noteDiagnostics(diagnostics);
    return EXIT.invalid;
  }
  const { files, unreadable } = readAll(paths.length > 0 ? paths : ruleFiles(config));
  const loaded = loadRuleFiles(config, files);
  const impossible = loaded.rules ? policyProblems(loaded.rules.rules, 'enforce') : [];
  const language = validationResult(loaded, options.strict);
  const result = complete(language, unreadable, impossible);
  if (options.json) printJson(result);
  else {
    for (const { name, errors } of unreadable) print(`${name}: Invalid\n   ${errors[0]?.message}`);
    process.stdout.write(escapeLines(withProblems(validationText(loaded, options.strict), impossible)));
    noteDiagnostics(impossible);
    if (paths.length === 0 && loaded.rules) noteDiagnostics(idleSelectors(config, loaded.rules.all));
  }
  return result.successful ? EXIT.ok : EXIT.invalid;
}

/** Reads what can be read; the rest becomes results of its own. */
function readAll(paths: readonly string[]): { files: RuleFile[]; unreadable: FileResult[] } {
  const files: RuleFile[] = [];
  const unreadable: FileResult[] = [];
  for (const path of paths) {
    try {
      for (const name of path === '-' ? ['-'] : expandPath(path)) {
        files.push({ name: name === '-' ? '<stdin>' : name, text: readText(name) });
      }
    } catch (error) {
      unreadable.push(unreadableResult(path, (error as Error).message));
    }
  }
  return { files, unreadable };
}

const readText = (name: string): string => readFileSync(name === '-' ? 0 : name, 'utf8');

function unreadableResult(name: string, message: string): FileResult {
  const position = { name, line: 0, column: 0, offset: 0 };
  const locations = [{ item_type: 'file', item_name: '', position }];
  const error = {
    code: 'LOAD_ERR_FILE_READ',
    codedesc: 'File read error',
    message,
    context: { locations, snippet: '' },
    line: 1,
    column: 1,
  };
  return { name, successful: false, errors: [error], warnings: [], schema_valid: true, schema_warnings: [] };
}

/** Adds what the language does not know: files that cannot be read, rules that the kernel cannot decide. */
function complete(
  result: ValidationResult,
  unreadable: readonly FileResult[],
  impossible: readonly Diagnostic[],
): ValidationResult {
  const files = result.falco_load_results.map((file): FileResult => {
    const own = impossible.filter((problem) => problem.file === file.name);
    if (own.length === 0) return file;
    return { ...file, successful: false, errors: [...file.errors, ...own.map(policyEntry)] };
  });
  const all = [...unreadable, ...files];
  return { successful: all.every((file) => file.successful), falco_load_results: all };
}

function policyEntry({ code, message, file = '', line = 1, help }: Diagnostic): FileResult['errors'][number] {
  const position = { name: file, line: line - 1, column: 0, offset: 0 };
  return {
    code,
    codedesc: 'The kernel cannot decide this rule',
    message,
    context: { locations: [{ item_type: 'rule', item_name: '', position }], snippet: '' },
    line,
    column: 1,
    ...(help === undefined ? {} : { help }),
  };
}

/** The head line of a file with such rules says so. */
function withProblems(text: string, impossible: readonly Diagnostic[]): string {
  const files = new Set(impossible.map(({ file }) => file));
  return text
    .split('\n')
    .map((line) => {
      const [, file] = /^(.+): Ok(?:, with warnings)?$/.exec(line) ?? [];
      return file !== undefined && files.has(file) ? `${file}: Invalid` : line;
    })
    .join('\n');
}

interface ConditionOutcome {
  readonly line: number;
  readonly condition: string;
  readonly valid: boolean;
  readonly diagnostics: readonly Diagnostic[];
}

function validateConditions(source: string, options: Options): number {
  if (source !== '-' && !existsSync(source)) {
    throw new AppError('LOAD_ERR_FILE_READ', `no such file: ${source}`, { exitCode: EXIT.invalid });
  }
  if (options.syntax) {
    const answers = readText(source)
      .split('\n')
      .filter((line) => line.trim() !== '')
      .map(checkSyntaxLine);
    for (const answer of answers) print(JSON.stringify(answer));
    return answers.every((answer) => answer.ok) ? EXIT.ok : EXIT.invalid;
  }
  const outcomes = readText(source)
    .split('\n')
    .map((condition, index) => ({ condition, line: index + 1 }))
    .filter(({ condition }) => condition.trim() !== '')
    .map(({ condition, line }) => outcomeOf(condition, line, options));
  const successful = outcomes.every((outcome) => outcome.valid);
  if (options.json) printJson({ successful, conditions: outcomes });
  else {
    for (const { line, valid, diagnostics } of outcomes) {
      const first = diagnostics.find((d) => d.severity === 'error') ?? diagnostics[0];
      print(
        `${line}: ${valid ? 'Ok' : 'Invalid'}${first ? ` (${first.message}, column ${first.column})` : ''}`,
      );
    }
  }
  return successful ? EXIT.ok : EXIT.invalid;
}

function outcomeOf(condition: string, line: number, { strict }: Options): ConditionOutcome {
  const { diagnostics } = compileCondition(condition, LANGUAGE);
  const valid = !diagnostics.some((d) => strict || d.severity === 'error');
  return { line, condition, valid, diagnostics };
}
