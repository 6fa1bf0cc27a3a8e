import { Command } from 'commander';
import { act, type CommandSpec } from './command.ts';
import { print } from './output.ts';
import { COMMANDS } from './table.ts';

/** Hidden: what may follow the words typed so far, one a line, for the completion scripts. */
export const command: CommandSpec = {
  configure(command) {
    command
      .argument('[words...]')
      .allowUnknownOption()
      .action(
        act(async (words: readonly string[]) => {
          for (const candidate of await candidates(words)) print(candidate);
          return 0;
        }),
      );
  },
};

/** Candidates after a command and what follows it. */
export async function candidates(words: readonly string[]): Promise<string[]> {
  const [name, ...rest] = words;
  const row = COMMANDS.find((candidate) => candidate.name === name);
  if (!row) return COMMANDS.filter((candidate) => !candidate.hidden).map((candidate) => candidate.name);
  if (name === 'explain') return names();
  let command = new Command(row.name);
  (await row.load()).command.configure(command);
  for (const word of rest) command = command.commands.find((inner) => inner.name() === word) ?? command;
  const options = command.options.flatMap((option) => option.long ?? []);
  return [...command.commands.map((inner) => inner.name()), ...options];
}

async function names(): Promise<string[]> {
  const { CODE_HELP, OPERATORS } = await import('../../rules/index.ts');
  const { EVENTS } = await import('../../sensors/events/events.ts');
  const { LANGUAGE } = await import('../ruleset.ts');
  const { ERRORS } = await import('../core/errors.ts');
  return [
    ...LANGUAGE.fields.specs.map((spec) => spec.name),
    ...EVENTS.map((def) => def.name),
    ...OPERATORS.map((info) => info.name),
    ...CODE_HELP.map((row) => row.code),
    ...Object.keys(ERRORS),
  ];
}
