import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Starts a module of ours in a process of its own, from the sources or compiled as the caller itself runs. */
export function runModule(
  url: URL,
  args: readonly string[],
  stderr: 'inherit' | 'pipe' = 'inherit',
): ChildProcess {
  const path = fileURLToPath(url);
  const loader = path.endsWith('.ts') ? ['--import', 'tsx'] : [];
  return spawn(process.execPath, [...loader, path, ...args], { stdio: ['ignore', 'pipe', stderr] });
}

/** The same with a real pipe as standard output, whose reader sleeps for two seconds; the exit code is the module's. */
export function runPiped(url: URL): ChildProcess {
  const path = fileURLToPath(url);
  const loader = path.endsWith('.ts') ? '--import tsx' : '';
  const script = `set -o pipefail; "$0" ${loader} "$1" | (sleep 2; cat)`;
  return spawn('bash', ['-c', script, process.execPath, path], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The extension that a module beside this one has at run time. */
export const MODULE_EXTENSION = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
