import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import { AppError } from './core/diagnostic.ts';
import { makeFolder } from './core/folder.ts';
import { lockFile } from './libc.ts';

/**
 * Makes sure that one engine uses a state folder: two would send, and remove, what waits in each other's spools, and
 * write over each other's deny list. Returns what releases it. A folder that cannot be written needs no lock.
 */
export function lockState(folder: string): () => void {
  const { O_CREAT, O_RDWR, O_NOFOLLOW } = constants;
  let fd: number;
  try {
    makeFolder(folder);
    fd = openSync(join(folder, 'engine.lock'), O_CREAT | O_RDWR | O_NOFOLLOW, 0o600);
  } catch {
    return () => {};
  }
  const release = (): void => closeSync(fd);
  if (lockFile(fd)) return release;
  release();
  throw new AppError('E_ALREADY_RUNNING', `another engine uses the state folder ${folder}`, {
    help: 'stop it, or give this one its own folder and socket: --set state_dir=PATH --set control.socket=PATH',
  });
}
