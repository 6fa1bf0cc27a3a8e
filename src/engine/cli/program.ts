import { Command } from 'commander';
import { EXITS } from '../core/diagnostic.ts';
import type { CommandSpec } from './command.ts';
import { COMMANDS } from './table.ts';
import { prepare } from './usage.ts';

const EXIT_HELP = Object.values(EXITS)
  .map(({ code, meaning }) => `  ${String(code).padStart(3)}  ${meaning}`)
  .join('\n');

/** The program with all commands; only the typed one is imported. */
export async function buildProgram(typed: string | undefined): Promise<Command> {
  const program = new Command('ringfence')
    .description(
      "Runtime security for Linux: Falco's rules, compiled into the kernel, enforced in the same rule.",
    )
    .usage('COMMAND [OPTIONS]')
    .option('-v, --verbose', 'show where an unexpected error happened')
    .option('--no-color', 'no colour (also: NO_COLOR)')
    .helpCommand('help [COMMAND]', 'explain a command')
    .addHelpText(
      'after',
      `\nExit codes:\n${EXIT_HELP}\n\nStart with:\n  ringfence doctor\n  ringfence run --demo\n  ringfence run`,
    )
    .showSuggestionAfterError(true);
  let examples: CommandSpec['examples'];
  for (const row of COMMANDS) {
    const command = program.command(row.name, { hidden: row.hidden ?? false }).description(row.summary);
    if (row.name !== typed) continue;
    const spec = (await row.load()).command;
    spec.configure(command);
    examples = spec.examples;
  }
  prepare(program, examples);
  return program;
}
