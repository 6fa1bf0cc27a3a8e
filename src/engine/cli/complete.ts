import { Command } from 'commander';
import { PRIORITIES } from '../core/priority.ts';
import { act, type CommandSpec } from './command.ts';
import { print } from './output.ts';
import { COMMANDS } from './table.ts';

/** Hidden: what may stand as the last of the words typed so far, one a line, for the completion scripts. */
export const command: CommandSpec = {
  configure(command) {
    command.argument('[words...]').action(
      act(async (words: readonly string[]) => {
        for (const candidate of await candidates(words)) print(candidate);
        return 0;
      }),
    );
  },
};

/** Candidates for the last word (as far as it is typed); none: names of files. */
export async function candidates(words: readonly string[]): Promise<readonly string[]> {
  const [name = '', ...rest] = words.slice(0, -1);
  const row = COMMANDS.find((candidate) => candidate.name === name);
  const commands = COMMANDS.filter((candidate) => !candidate.hidden).map((candidate) => candidate.name);
  if (!row) return name === '' ? [...commands, 'help'] : name === 'help' ? commands : [];
  let command = new Command(row.name);
  (await row.load()).command.configure(command);
  const path = [name];
  for (const word of rest) {
    const inner = command.commands.find((each) => each.name() === word);
    if (inner) path.push(word);
    command = inner ?? command;
  }
  if (words.at(-1)?.startsWith('-')) return [...command.options.flatMap(({ long }) => long ?? []), '--help'];
  const before = rest.at(-1);
  const option = command.options.find(
    ({ long, short }) => before !== undefined && [long, short].includes(before),
  );
  if (option?.required) return option.argChoices ?? valuesOf(option.long ?? '');
  if (command.commands.length > 0) return command.commands.map((inner) => inner.name());
  return command.registeredArguments[0]?.argChoices ?? (await ARGUMENTS[path.join(' ')]?.()) ?? [];
}

async function valuesOf(option: string): Promise<readonly string[]> {
  switch (option) {
    case '--priority':
      return PRIORITIES.map((priority) => priority.toLowerCase());
    case '--type':
      return (await import('../../sensors/events/events.ts')).EVENTS.map((def) => def.name);
    default:
      return [];
  }
}

/** What arguments may be, where they are no files. */
const ARGUMENTS: Readonly<Record<string, () => Promise<readonly string[]>>> = {
  explain: names,
  'rules describe': ruleNames,
  'policy explain': ruleNames,
  'why-not': ruleNames,
};

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

async function ruleNames(): Promise<string[]> {
  const { rulesFor } = await import('./rules-for.ts');
  const { LANGUAGE } = await import('../ruleset.ts');
  return (await rulesFor({}, LANGUAGE.fields)).rules.map((rule) => rule.name);
}
