import type { Schema } from '../core/check-schema.ts';
import { type Checked, checkSchema, type Violation } from '../core/check-schema.ts';
import { type Loaded, type LoadOptions, loadConfig } from './load.ts';
import { type CoreConfig, coreSection } from './options.ts';

/** The configuration as the engine uses it. */
export interface Config extends CoreConfig {
  readonly outputs: Readonly<Record<string, unknown>>;
}

/** The schema of an entry of `outputs`, which depends on its name and type. */
export type EntrySchema = (name: string, entry: unknown) => Schema;

/** The whole schema, for editors: the core's options and what the output registry adds. */
export function configSchema(outputs: Schema): Schema {
  return {
    ...coreSection.schema,
    properties: { ...coreSection.schema.properties, outputs: { default: {}, ...outputs } },
  };
}

const WITH_OUTPUTS = configSchema({ type: 'object' });

/** Without a word in the configuration alerts go to standard output. */
const BASE = { outputs: { console: {} } };

/** Loads the configuration. Only the kinds of outputs that are in it are looked at: their schemas are large. */
export function load(entrySchema: EntrySchema, options: LoadOptions): Loaded<Config> {
  return loadConfig<Config>((value) => checkConfig(entrySchema, value), { base: BASE, ...options });
}

function checkConfig(entrySchema: EntrySchema, value: unknown): Checked {
  const core = checkSchema(WITH_OUTPUTS, value);
  if (core.violations.some(({ path }) => path.length === 0 || path[0] === 'outputs')) return core;
  const complete = core.complete as Config;
  const violations: Violation[] = [...core.violations];
  const outputs: Record<string, unknown> = {};
  for (const [name, entry] of Object.entries(complete.outputs)) {
    const checked = checkSchema(entrySchema(name, entry), entry);
    outputs[name] = checked.complete;
    violations.push(...checked.violations.map((v) => ({ ...v, path: ['outputs', name, ...v.path] })));
  }
  return { complete: { ...complete, outputs }, violations };
}
