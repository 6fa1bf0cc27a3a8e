import { existsSync, type FSWatcher, readdirSync, statSync, watch } from 'node:fs';
import { dirname, join } from 'node:path';

/** Editors write a file in several steps: what is half written is not loaded. */
const SETTLE_MS = 500;

/**
 * Calls back, once and a little later, when one of the files or something in one of the folders changes. Folders are
 * watched, not files: an editor replaces a file by another. What changed after `since` (epoch ms) counts too: nobody
 * watched yet. `failed` is told of a folder that cannot be watched. Returns what ends it.
 */
export function watchPaths(
  paths: readonly string[],
  changed: () => void,
  failed: (folder: string, error: unknown) => void,
  { settleMs = SETTLE_MS, since = Number.POSITIVE_INFINITY } = {},
): () => void {
  let timer: NodeJS.Timeout | undefined;
  const soon = (): void => {
    clearTimeout(timer);
    timer = setTimeout(changed, settleMs);
  };
  const folders = new Set(paths.filter((path) => existsSync(path)).map(folderOf));
  const watchers = [...folders].flatMap((folder): FSWatcher[] => {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => {
        if (name === null || name === CONFIG_MAP || YAML.test(name)) soon();
      });
      // The folder itself went away: a reload by hand will say so.
      watcher.on('error', () => watcher.close());
      if (newest(folder) > since) soon();
      return [watcher];
    } catch (error) {
      // Watches of a user are few, and containers use them up.
      failed(folder, error);
      return [];
    }
  });
  return () => {
    clearTimeout(timer);
    for (const watcher of watchers) watcher.close();
  };
}

const YAML = /\.ya?ml$/;
/** Kubernetes turns this link to change all files of a ConfigMap at once. */
const CONFIG_MAP = '..data';

/** When a file of a folder was changed last. */
function newest(folder: string): number {
  const files = readdirSync(folder).filter((name) => YAML.test(name));
  return Math.max(
    0,
    ...files.map((name) => statSync(join(folder, name), { throwIfNoEntry: false })?.mtimeMs ?? 0),
  );
}

const folderOf = (path: string): string => (statSync(path).isDirectory() ? path : dirname(path));
