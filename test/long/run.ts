import { spawn } from 'node:child_process';
import {
  createWriteStream,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { Part } from './parts.ts';

export interface Result {
  readonly name: string;
  readonly ok: boolean;
  readonly seconds: number;
}

const KILL_MS = 15_000;
const TAIL_LINES = 40;

const clock = (): string => new Date().toISOString().slice(11, 19);

/** Runs parts one after another, whatever becomes of each; says what it does as it goes. */
export async function runParts(
  parts: readonly Part[],
  folder: string,
  say: (line: string) => void,
): Promise<Result[]> {
  mkdirSync(folder, { recursive: true });
  const results: Result[] = [];
  for (const [i, part] of parts.entries()) {
    say(
      `${clock()} [${i + 1}/${parts.length}] ${part.name}: ${part.what} (at most ${Math.ceil(part.minutes)} min)`,
    );
    const result = await runPart(part, folder);
    results.push(result);
    const log = join(folder, `${part.name}.log`);
    say(`${clock()}   ${result.ok ? 'ok' : 'FAILED'} after ${result.seconds} s, ${log}`);
    if (!result.ok) say(tail(log));
  }
  return results;
}

/** Its output goes to NAME.log, what it has shown to NAME.jsonl, which a part that failed does not have. */
async function runPart(part: Part, folder: string): Promise<Result> {
  const evidence = join(folder, `${part.name}.jsonl`);
  rmSync(evidence, { force: true });
  const shown = join(folder, `${part.name}.running`);
  writeFileSync(shown, '');
  const [command = '', ...args] = part.command;
  // A group of its own, so that nothing of it is left when its time is over.
  const child = spawn(command, args, {
    detached: true,
    env: { ...process.env, ...part.env, RINGFENCE_SKIP_SETUP: '1', RINGFENCE_EVIDENCE: shown },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const log = createWriteStream(join(folder, `${part.name}.log`));
  child.stdout.pipe(log, { end: false });
  child.stderr.pipe(log, { end: false });
  const start = performance.now();
  let late = false;
  const end = (signal: NodeJS.Signals): void => {
    late = true;
    if (child.pid !== undefined) process.kill(-child.pid, signal);
  };
  const timers = [
    setTimeout(() => end('SIGTERM'), part.minutes * 60_000),
    setTimeout(() => end('SIGKILL'), part.minutes * 60_000 + KILL_MS),
  ];
  const code = await new Promise<number | string | null>((resolve) => {
    child.once('close', resolve);
    child.once('error', (error) => resolve(error.message));
  });
  for (const timer of timers) clearTimeout(timer);
  if (late) log.write(`\nnot done after ${part.minutes} minutes: ended\n`);
  else if (typeof code === 'string') log.write(`${code}\n`);
  await new Promise((resolve) => log.end(resolve));
  const ok = code === 0 && !late;
  if (ok) renameSync(shown, evidence);
  else rmSync(shown);
  return { name: part.name, ok, seconds: Math.round((performance.now() - start) / 1000) };
}

function tail(file: string): string {
  return existsSync(file)
    ? readFileSync(file, 'utf8').trimEnd().split('\n').slice(-TAIL_LINES).join('\n')
    : '';
}
