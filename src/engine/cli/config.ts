import type { Command } from 'commander';
import { configSchema, load } from '../config/config.ts';
import { DEFAULT_CONFIG } from '../config/default-file.ts';
import { configText, mask } from '../config/print.ts';
import type { Schema } from '../core/check-schema.ts';
import { EXIT } from '../core/diagnostic.ts';
import { act, type CommandSpec } from './command.ts';
import { collect } from './options.ts';
import { noteDiagnostics, print, printJson } from './output.ts';
import { outputSchemas } from './outputs.ts';

export const command: CommandSpec = {
  examples: [
    ['ringfence config print --origin', 'what is in force, and where each value comes from'],
    ['ringfence config default > /etc/ringfence/config.yaml', 'a file to start from'],
    ['RINGFENCE__LOG__LEVEL=debug ringfence config print', 'the environment counts too'],
  ],
  configure(command) {
    configurePrint(command);
    command
      .command('default')
      .description('print a configuration file to start from')
      .action(act(() => void print(DEFAULT_CONFIG.trimEnd())));
    command
      .command('schema')
      .description('print the JSON Schema of the configuration')
      .action(
        act(async () => {
          const { outputsSchema } = await import('../../outputs/registry.ts');
          printJson(withDialect(configSchema(outputsSchema())));
          return EXIT.ok;
        }),
      );
  },
};

function configurePrint(command: Command): void {
  command
    .command('print')
    .description('print the configuration in force')
    .option('-c, --config <file>', 'configuration file')
    .option('--set <key=value>', 'set one value; may be repeated', collect, [])
    .option('--origin', 'say for each value where it comes from')
    .option('--json', 'one JSON object')
    .action(
      act(async (options: { config?: string; set: string[]; origin?: boolean; json?: boolean }) => {
        const loaded = load(await outputSchemas(), { file: options.config, set: options.set });
        noteDiagnostics(loaded.diagnostics);
        if (!loaded.config) return EXIT.invalid;
        if (options.json) {
          const origins = Object.fromEntries(loaded.origins);
          printJson({
            schema: 'ringfence.config.v1',
            config: mask(loaded.config),
            ...(options.origin && { origins }),
          });
        } else print(configText(loaded.config, options.origin ? loaded.origins : undefined));
        return EXIT.ok;
      }),
    );
}

const withDialect = (schema: Schema): object => ({
  $schema: 'http://json-schema.org/draft-07/schema#',
  title: 'Ringfence configuration',
  ...schema,
});
