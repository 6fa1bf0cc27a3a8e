import fs from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type Mount, parseMounts } from './mounts.ts';

/** Where a file lies, as the kernel numbers it. */
export interface ObjectId {
  readonly dev: number;
  readonly ino: bigint;
}

/** Finds what has a path, a byte string; `itself`: a symbolic link, and not what it leads to. */
export type Identify = (path: string, itself?: boolean) => ObjectId | undefined;

/** Device and inode of a path as the kernel has them. */
export const identify: Identify = (path, itself) => identifier()(path, itself);

/** The same for many paths at once: the mounts are read once. */
export function identifier(): Identify {
  let mounts: readonly Mount[] | undefined;
  return (path, itself = false) => {
    try {
      const real = itself ? join(realPath(dirname(path)), basename(path)) : realPath(path);
      const { ino } = fs.lstatSync(bytesOf(real), { bigint: true });
      mounts ??= parseMounts(fs.readFileSync('/proc/self/mountinfo', 'latin1'));
      const dev = deviceOf(real, mounts);
      return dev === undefined ? undefined : { dev, ino };
    } catch {
      // It does not exist (yet), or cannot be reached: its name still holds.
      return undefined;
    }
  };
}

/** A path with all links followed: what is no UTF-8 keeps its bytes. */
const realPath = (path: string): string => fs.realpathSync.native(bytesOf(path), 'latin1');

const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');

/** The device of the mount that a path lies on: stat(2) shows another one on some file systems. */
function deviceOf(path: string, mounts: readonly Mount[]): number | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const { where } = mount;
    const inside = where === '/' || path === where || path.startsWith(`${where}/`);
    if (inside && (best === undefined || where.length >= best.where.length)) best = mount;
  }
  return best?.dev;
}
