import type { Command } from 'commander';
import { load } from '../config/config.ts';
import { ask } from '../control/client.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { noteDiagnostics } from './output.ts';
import { outputSchemas } from './outputs.ts';

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
  return ask(options.socket ?? (await configuredSocket(options.config)), question, args);
}

async function configuredSocket(file: string | undefined): Promise<string> {
  const { config, diagnostics } = load(await outputSchemas(), { file });
  if (config) return config.control.socket;
  noteDiagnostics(diagnostics);
  throw new AppError('E_CONFIG', 'the configuration is not valid (above)', { exitCode: EXIT.invalid });
}
