import fs from 'node:fs';
import { dirname } from 'node:path';
import { RF_GUARD_KIND } from '../../sensors/record/layout.gen.ts';
import { type Mount, parseMounts } from '../tables/mounts.ts';

/** The folders on the way to these paths, but the root. */
export function foldersAbove(paths: readonly string[]): Set<string> {
  const folders = new Set<string>();
  for (const path of paths) {
    for (let folder = dirname(real(path)); folder.length > 1; folder = dirname(folder)) folders.add(folder);
  }
  return folders;
}

/** Kind and number of the mounts that paths are reached through, here and where process 1 is. */
export function mountsBelow(
  paths: readonly string[],
  read: (pid: string) => string = mountinfo,
): [number, number][] {
  const names = paths.map(real);
  const found = new Map<string, [number, number]>();
  for (const text of new Set(['self', '1'].map(read))) {
    for (const { id, group } of mountsOf(names, text)) {
      found.set(`mount ${id}`, [RF_GUARD_KIND.MOUNT, id]);
      if (group !== undefined) found.set(`group ${group}`, [RF_GUARD_KIND.GROUP, group]);
    }
  }
  return [...found.values()];
}

function mountsOf(paths: readonly string[], text: string): Mount[] {
  // Of mounts one above the other in the same place the last is seen.
  const byPlace = new Map(parseMounts(text).map((mount) => [mount.where, mount]));
  const used = new Set<Mount>();
  for (const path of paths) {
    for (let place = path; ; place = dirname(place)) {
      const mount = byPlace.get(place);
      if (mount !== undefined) used.add(mount);
      if (place === dirname(place)) break;
    }
  }
  return [...used];
}

function real(path: string): string {
  try {
    return fs.realpathSync.native(path);
  } catch {
    return path;
  }
}

function mountinfo(pid: string): string {
  try {
    return fs.readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
  } catch {
    return '';
  }
}
