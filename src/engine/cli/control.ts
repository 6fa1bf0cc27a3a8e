import type { Command } from 'commander';
import { ask } from '../control/client.ts';
import { configFor } from './config-for.ts';

/** Options of commands that talk to the running engine. */
export interface ControlOptions {
  readonly config?: string;
  readonly socket?: string;
  readonly json?: boolean;
}

/** Adds those options. */
export function withControl(command: Command): Command {
  return command
    .option('-c, --config <file>', 'configuration file (says where the socket is)')
    .option('--socket <path>', 'control socket of the engine')
    .option('--json', 'one JSON object');
}

/** Asks the engine that the options name. */
export async function askEngine(
  options: ControlOptions,
  question: string,
  args: Readonly<Record<string, unknown>> = {},
): Promise<unknown> {
  return ask(options.socket ?? (await configFor(options.config)).control.socket, question, args);
}
