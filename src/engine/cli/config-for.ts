import { type Config, load } from '../config/config.ts';
import type { Loaded } from '../config/load.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { noteDiagnostics } from './output.ts';
import { outputSchemas } from './outputs.ts';

/** The configuration of the usual files, or of the one given; or an error after what is wrong with it was shown. */
export const configFor = async (file: string | undefined): Promise<Config> =>
  validConfig(load(await outputSchemas(), { file }));

/** What was loaded, or an error after what is wrong with it was shown. */
export function validConfig({ config, diagnostics }: Loaded<Config>): Config {
  noteDiagnostics(diagnostics);
  if (config) return config;
  throw new AppError('E_CONFIG', 'the configuration is not valid (above)', { exitCode: EXIT.invalid });
}
