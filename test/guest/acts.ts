import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { projectRoot } from './host.ts';

/** Builds test/guest/acts.c; returns the program's path in a folder of its own, which goes with the process. */
export function buildActs(): { folder: string; program: string } {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-acts-'));
  process.once('exit', () => rmSync(folder, { recursive: true }));
  const program = join(folder, 'acts');
  execFileSync('gcc', ['-O1', '-static', '-o', program, join(projectRoot, 'test/guest/acts.c')]);
  return { folder, program };
}

/** What the program did, by name: the result as the kernel gave it. */
export function act(program: string, how: string, folder: string, port: number): Record<string, number> {
  const text = execFileSync(program, [how, folder, String(port)], { encoding: 'utf8' });
  return Object.fromEntries(
    text
      .trim()
      .split('\n')
      .map((line) => /^(.*) (-?\d+)$/.exec(line) ?? [])
      .map(([, name, result]) => [name, Number(result)]),
  );
}
