import { hostname } from 'node:os';
import type { Config } from './config/config.ts';
import { ruleFiles } from './rule-files.ts';
import type { EngineSpec } from './thread/protocol.ts';

export interface SpecOptions {
  /** Rules files of the command line; they replace those of the configuration. */
  readonly rules: readonly string[];
  readonly dryRun: boolean;
  /** Where the configuration is; absent = there is no file. */
  readonly configFile?: string | undefined;
}

/** What the engine thread has to know. */
export function engineSpec(config: Config, { rules, dryRun, configFile }: SpecOptions): EngineSpec {
  return {
    config,
    ruleFiles: ruleFiles(config, rules),
    configured: rules.length === 0,
    hostname: hostname(),
    dryRun,
    configFile,
  };
}
