import { type ChildProcess, spawn, spawnSync } from 'node:child_process';

const HAS_SETPRIV = spawnSync('setpriv', ['--version']).status === 0;

/** Starts a server for a test; the kernel ends it when the test process dies, however that happens. */
export function spawnBound(command: string, args: readonly string[]): ChildProcess {
  const [program = '', ...rest] = HAS_SETPRIV
    ? ['setpriv', '--pdeathsig', 'KILL', command, ...args]
    : [command, ...args];
  return spawn(program, rest, { stdio: 'ignore' });
}
