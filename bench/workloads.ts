/** What programs do while an engine watches. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

export interface Workload {
  readonly name: string;
  /** Does it once; `folder` is where `buildWorkload` was. */
  readonly run: (folder: string) => void;
  /** What comes before and is not measured. */
  readonly before?: (folder: string) => void;
}

/** Compiles bench/workload.c into that folder. */
export function buildWorkload(folder: string): void {
  execFileSync('cc', ['-O2', '-o', join(folder, 'workload'), join(PACKAGE_ROOT, 'bench/workload.c')]);
}

/** A workload of bench/workload.c, with its arguments. */
export const workload = (name: string, ...args: string[]): Workload => ({
  name,
  run: (folder) => execFileSync(join(folder, 'workload'), args, { stdio: 'ignore' }),
});

/** Compiles forty small files that include what C programs include. */
export function compileProject(folder: string): void {
  const source = join(folder, 'project');
  if (!existsSync(source)) {
    mkdirSync(source);
    for (let i = 0; i < 40; i++) {
      const includes = ['stdio', 'stdlib', 'string', 'unistd', 'sys/socket', 'pthread'].map(
        (h) => `#include <${h}.h>\n`,
      );
      writeFileSync(
        join(source, `f${i}.c`),
        `${includes.join('')}int f${i}(void) { return printf("%d", ${i}); }\n`,
      );
    }
  }
  for (let i = 0; i < 40; i++) execFileSync('cc', ['-O1', '-c', `f${i}.c`], { cwd: source, stdio: 'ignore' });
}
