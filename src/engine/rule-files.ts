import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Config } from './config/config.ts';
import { AppError, EXIT } from './core/diagnostic.ts';
import { PACKAGE_ROOT } from './core/package.ts';

/** The rules that come with Ringfence. */
export const BUILTIN_RULES: string = join(PACKAGE_ROOT, 'rules');

/** Read if it is there, without a word if it is not. */
const OPTIONAL = '/etc/ringfence/rules.d';

/** The rules files in the order in which they are loaded. `given` (from `-r`) replaces what the configuration says. */
export function ruleFiles(
  config: Pick<Config, 'builtin_rules' | 'rules_files'>,
  given: readonly string[] = [],
): string[] {
  if (given.length > 0) return given.flatMap((path) => expandPath(path));
  const builtin = config.builtin_rules ? expandPath(BUILTIN_RULES) : [];
  const own = config.rules_files.filter((path) => path !== OPTIONAL || existsSync(path));
  return [...builtin, ...own.flatMap((path) => expandPath(path))];
}

/** A file as it is, a folder as its *.yaml and *.yml in byte order. */
export function expandPath(path: string): string[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) {
    throw new AppError('E_RULES_READ', `no such file or folder: ${path}`, { exitCode: EXIT.invalid });
  }
  if (!stat.isDirectory()) return [path];
  return readdirSync(path)
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(path, name));
}
