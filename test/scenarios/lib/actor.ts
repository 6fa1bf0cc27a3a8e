import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../../../src/engine/core/package.ts';

/** Builds the actor in a folder, without shared libraries: it also runs in containers that have none. */
export function compileActor(folder: string): string {
  const actor = join(folder, 'act');
  const source = join(PACKAGE_ROOT, 'test/scenarios/lib/act.c');
  const built = spawnSync('cc', ['-static', '-pthread', '-O1', '-o', actor, source], { encoding: 'utf8' });
  if (built.status !== 0) throw new Error(`the actor does not compile: ${built.stderr}`);
  return actor;
}
