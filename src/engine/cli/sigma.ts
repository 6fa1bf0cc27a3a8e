import { readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { escapeForTerminal } from '../../outputs/formats/text.ts';
import { type Converted, convertSigma, sigmaRulesFile } from '../../rules/sigma/convert.ts';
import { EXIT } from '../core/diagnostic.ts';
import { expandPath } from '../rule-files.ts';
import { act, type CommandSpec } from './command.ts';
import { note, print, printJson } from './output.ts';

interface SigmaOptions {
  readonly json?: boolean;
}

export const command: CommandSpec = {
  examples: [
    [
      'ringfence sigma check rules/linux',
      'which rules can be served, and what stands in the way of the others',
    ],
    ['ringfence sigma convert rule.yml > rules.d/sigma.yaml', 'the rules in this language'],
  ],
  configure(command) {
    withPaths(command.command('check').description('say which Sigma rules can be served')).action(act(check));
    withPaths(command.command('convert').description('print Sigma rules as rules of this language')).action(
      act(convert),
    );
  },
};

function withPaths(command: Command): Command {
  return command.argument('<path...>', 'Sigma rules: files or folders').option('--json', 'one JSON document');
}

function read(paths: readonly string[]): (Converted & { readonly file: string })[] {
  return paths
    .flatMap((path) => expandPath(path))
    .flatMap((file) => convertSigma(readFileSync(file, 'utf8')).map((one) => ({ file, ...one })));
}

function check(paths: readonly string[], options: SigmaOptions): number {
  const all = read(paths);
  const served = all.filter((one) => one.unsupported.length === 0).length;
  if (options.json) {
    const rules = all.map(({ file, title, unsupported }) => ({
      file,
      title,
      ok: unsupported.length === 0,
      unsupported,
    }));
    printJson({ schema: 'ringfence.sigma.v1', rules });
  } else {
    for (const { file, title, unsupported } of all) {
      print(
        escapeForTerminal(
          unsupported.length === 0
            ? `ok   ${file}: ${title}`
            : `no   ${file}: ${title}: ${unsupported.join('; ')}`,
        ),
      );
    }
    note(`${served} of ${all.length} rules can be served`);
  }
  return served === all.length ? EXIT.ok : EXIT.problems;
}

function convert(paths: readonly string[], options: SigmaOptions): number {
  const all = read(paths);
  const left = all.filter((one) => one.unsupported.length > 0);
  if (options.json) printJson({ schema: 'ringfence.sigma.v1', rules: all.flatMap((one) => one.rule ?? []) });
  else print(sigmaRulesFile(all).trimEnd());
  for (const { file, title, unsupported } of left)
    note(escapeForTerminal(`left out: ${file}: ${title}: ${unsupported.join('; ')}`));
  return left.length === 0 ? EXIT.ok : EXIT.problems;
}
