import { type SpawnOptions, spawn } from 'node:child_process';
import { SLOWNESS } from '../slowness.ts';
import type { ExecResult } from './types.ts';

/** Runs a program to its end, whatever its exit code; on timeout it is killed and the promise is rejected. */
export function execute(
  program: string,
  args: readonly string[],
  options: SpawnOptions & { timeoutMs?: number; input?: Buffer } = {},
): Promise<ExecResult> {
  const { timeoutMs = 60_000 * SLOWNESS, input, ...rest } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { ...rest, stdio: [input ? 'pipe' : 'ignore', 'pipe', 'pipe'] });
    const text = { stdout: '', stderr: '' };
    for (const name of ['stdout', 'stderr'] as const) {
      child[name]?.setEncoding('utf8').on('data', (chunk: string) => {
        text[name] += chunk;
      });
    }
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      reject(new Error(`${program} ${args.join(' ')}: no end after ${timeoutMs} ms\n${text.stderr}`));
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve({ ...text, code: code ?? (signal === 'SIGKILL' ? 137 : 143) });
    });
    child.stdin?.on('error', () => {});
    child.stdin?.end(input);
  });
}

/** As `execute`, but a failure is an error with what the program said. */
export async function mustExecute(...args: Parameters<typeof execute>): Promise<string> {
  const result = await execute(...args);
  if (result.code !== 0) {
    throw new Error(`${args[0]} ${args[1].join(' ')} (exit ${result.code}): ${result.stderr.trim()}`);
  }
  return result.stdout;
}
