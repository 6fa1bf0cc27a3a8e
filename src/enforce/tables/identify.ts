import fs from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
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
export function identifier(read: () => readonly Mount[] = readMounts): Identify {
  let mounts: readonly Mount[] | undefined;
  return (path, itself = false) => {
    try {
      const real = itself ? join(realPath(dirname(path)), basename(path)) : realPath(path);
      const { ino } = fs.lstatSync(bytesOf(real), { bigint: true });
      mounts ??= read();
      const mount = mountOf(real, mounts);
      return mount === undefined || isShared(mount) ? undefined : { dev: mount.dev, ino };
    } catch {
      // It does not exist (yet), or cannot be reached: its name still holds.
      return undefined;
    }
  };
}

/** The paths among these of which no object can be told from others: they are known by name only. */
export function unidentifiable(paths: Iterable<string>, read: () => readonly Mount[] = readMounts): string[] {
  const mounts = read();
  if (!mounts.some(isShared)) return [];
  return [...new Set(paths)].filter((path) => {
    try {
      const mount = mountOf(realPath(path), mounts);
      return mount !== undefined && isShared(mount);
    } catch {
      // What does not exist is known by name anyway.
      return false;
    }
  });
}

/**
 * Tells the folders and symbolic links that lead to a path, it and its links among them: whoever moves one of them
 * leads the path elsewhere. Each is read once.
 */
export function wayFinder(): (path: string) => readonly string[] {
  const known = new Map<string, readonly string[]>();
  const wayTo = (path: string): readonly string[] => {
    const before = known.get(path);
    if (before !== undefined || path === '/') return before ?? [];
    known.set(path, []); // Links may lead in a circle.
    const target = targetOf(path);
    const way = [path, ...wayTo(dirname(path)), ...(target === undefined ? [] : wayTo(target))];
    known.set(path, way);
    return way;
  };
  return (path) => wayTo(resolve(path));
}

function targetOf(link: string): string | undefined {
  try {
    return resolve(realPath(dirname(link)), fs.readlinkSync(bytesOf(link), 'latin1'));
  } catch {
    // It is no link, or gone.
    return undefined;
  }
}

/** A path with all links followed: what is no UTF-8 keeps its bytes. */
const realPath = (path: string): string => fs.realpathSync.native(bytesOf(path), 'latin1');

const bytesOf = (path: string): Buffer => Buffer.from(path, 'latin1');

const readMounts = (): Mount[] => parseMounts(fs.readFileSync('/proc/self/mountinfo', 'latin1'));

/** The subvolumes of btrfs number their files alike, and the kernel has one device for all: a label would be on others. */
const isShared = ({ type }: Mount): boolean => type === 'btrfs';

/** The mount that a path lies on: its device is the file system's, stat(2) shows another one on some. */
function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined;
  for (const mount of mounts) {
    const { where } = mount;
    const inside = where === '/' || path === where || path.startsWith(`${where}/`);
    if (inside && (best === undefined || where.length >= best.where.length)) best = mount;
  }
  return best;
}
