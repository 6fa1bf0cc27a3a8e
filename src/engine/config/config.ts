import type { Schema } from '../../outputs/output.ts';
import { type Loaded, type LoadOptions, loadConfig } from './load.ts';
import { type CoreConfig, coreSection } from './options.ts';

/** The configuration as the engine uses it. */
export interface Config extends CoreConfig {
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** The whole schema: the core's options and what the output registry adds. */
export function configSchema(outputs: Schema): Schema {
  return {
    ...coreSection.schema,
    properties: { ...coreSection.schema.properties, outputs: { default: {}, ...outputs } },
  };
}

/** Without a word in the configuration alerts go to standard output. */
const BASE = { outputs: { console: {} } };

/** Loads the configuration against the whole schema. */
export function load(outputs: Schema, options: LoadOptions): Loaded<Config> {
  return loadConfig<Config>(configSchema(outputs), { base: BASE, ...options });
}
