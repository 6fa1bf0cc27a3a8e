import type { Command, Option } from 'commander';
import type { AppError } from '../core/diagnostic.ts';
import type { CommandSpec } from './command.ts';
import { usage } from './options.ts';
import { noteError } from './output.ts';

/** Help and errors alike for a command and all below it. */
export function prepare(command: Command, examples: CommandSpec['examples'] = []): void {
  const path = pathOf(command);
  command.exitOverride().configureHelp({ showGlobalOptions: false, optionDescription: describeOption });
  command.configureOutput({
    outputError: (text) => noteError(usageError(text, command)),
  });
  const own = examples.filter(([line]) => `${line} `.includes(`${path} `));
  if (own.length > 0) {
    const columns = process.stdout.columns || 80;
    command.addHelpText('after', `\nExamples:\n${layOut(own, columns)}`);
  }
  for (const inner of command.commands) prepare(inner, examples);
}

const pathOf = (command: Command): string =>
  command.parent ? `${pathOf(command.parent)} ${command.name()}` : command.name();

/** Line and purpose side by side where they fit, else below each other. */
export function layOut(examples: NonNullable<CommandSpec['examples']>, columns: number): string {
  const width = Math.max(...examples.map(([line]) => line.length));
  const beside = examples.every(([, purpose]) => width + purpose.length + 4 <= columns);
  return examples
    .map(([line, purpose]) =>
      beside ? `  ${line.padEnd(width)}  ${purpose}` : `  ${line}\n      ${purpose}`,
    )
    .join('\n');
}

function describeOption(option: Option): string {
  const { description, defaultValue } = option;
  const text = Array.isArray(defaultValue) ? defaultValue.join(' ') : defaultValue;
  const shown = typeof text === 'string' && text !== '' && (option.required || option.optional);
  return shown ? `${description} (default: ${text})` : description;
}

/** What the parser of command lines found wrong, as an error of ours with what could have been meant. */
function usageError(text: string, command: Command): AppError {
  const [message = '', guess] = text
    .trim()
    .replace(/^error: /, '')
    .split('\n');
  const meant = guess === undefined ? undefined : /Did you mean (.+)\?/.exec(guess)?.[1];
  const inner = command.commands.map((each) => each.name());
  const greedy = message.startsWith('missing required argument') && greedyOption(command);
  const help =
    meant !== undefined
      ? `did you mean ${meant}?`
      : greedy
        ? `${greedy} takes all words that follow it: put it behind the arguments`
        : inner.length > 0 && message.startsWith('unknown command')
          ? `there are ${inner.join(', ')}`
          : `usage: ${pathOf(command)} ${command.usage()}`;
  return usage(message, help);
}

/** The option that was given and takes any number of words. */
function greedyOption(command: Command): string | undefined {
  return command.options.find(
    (option) => option.variadic && command.getOptionValueSource(option.attributeName()) === 'cli',
  )?.long;
}
