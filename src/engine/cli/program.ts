import { Command } from 'commander';
import type { CommandSpec } from './command.ts';
import { COMMANDS } from './table.ts';
import { prepare } from './usage.ts';

const EXITS = `Exit codes:
  0  did what was asked          3  configuration or rules invalid
  1  run-time failure            4  check completed and found problems
  2  wrong usage                 5  not permitted, or the kernel cannot do it`;

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
      `\n${EXITS}\n\nStart with:\n  ringfence doctor\n  ringfence run --demo\n  ringfence run`,
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
