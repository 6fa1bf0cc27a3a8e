import type { Config } from './config/config.ts';

/** What a changed configuration means for an engine that runs; values are not named, they may be secrets. */
export interface ConfigChange {
  /** Options in force from now on. */
  readonly applied: readonly string[];
  /** Options that take effect at the next start. */
  readonly atRestart: readonly string[];
}

/** Read anew on reload; everything else was fixed when the engine started. */
const LIVE = new Set([
  'mode',
  'builtin_rules',
  'rules_files',
  'rules',
  'rule_matching',
  'priority',
  'append_output',
  'enforcement.self_protection',
  'enforcement.maintainers',
]);

/** Which options differ, by when they take effect. */
export function configChange(before: Config, after: Config): ConfigChange {
  const names = [...new Set([...optionsOf(before), ...optionsOf(after)])];
  const changed = names.filter((name) => text(before, name) !== text(after, name)).sort();
  return {
    applied: changed.filter((name) => LIVE.has(name)),
    atRestart: changed.filter((name) => !LIVE.has(name)),
  };
}

/** Names of options: those of a section with its name in front. Lists, and what is in an output, are one value. */
function optionsOf(config: Config): string[] {
  return Object.entries(config).flatMap(([name, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.keys(value).map((key) => `${name}.${key}`)
      : [name],
  );
}

function text(config: Config, name: string): string {
  const [section = '', key] = name.split('.');
  const value = config[section as keyof Config] as unknown;
  return (
    JSON.stringify(key === undefined ? value : (value as Record<string, unknown> | undefined)?.[key]) ?? ''
  );
}
