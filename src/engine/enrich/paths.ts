/** Paths as text: joined and normalised lexically, without looking at any file system. */

const PATH_MAX = 1024;
const TOO_LONG = '/DIR_TOO_LONG/FILENAME_TOO_LONG';

/** An absolute path without `.`, `..`, empty components and trailing slash; `..` at the root stays there. */
export function normalize(path: string): string {
  if (isPlain(path) || !ABNORMAL.test(path)) return path;
  const out: string[] = [];
  for (const part of path.split('/')) {
    if (part === '' || part === '.') continue;
    if (part === '..') out.pop();
    else out.push(part);
  }
  return `/${out.join('/')}`;
}

/** The usual path, found out without the expression: most opens come by here. */
function isPlain(path: string): boolean {
  const last = path.length - 1;
  return last > 0 && path[0] === '/' && path[last] !== '/' && !path.includes('/.') && !path.includes('//');
}

/** What makes a path other than normal: an empty or dotted part, a trailing slash. The usual path has none. */
const ABNORMAL = /^[^/]|\/(?:\/|\.{1,2}(?:\/|$))|.\/$|^$/s;

/**
 * The absolute form of a path argument: an absolute one alone, a relative one below `base` (which may be unknown).
 * The empty path means the base itself, as with AT_EMPTY_PATH.
 */
export function absolute(path: string, base: string | undefined): string {
  const joined = path.startsWith('/') ? path : base === undefined ? undefined : `${base}/${path}`;
  if (joined === undefined) return path === '' ? '<UNKNOWN>' : `<UNKNOWN>/${path}`;
  return joined.length > PATH_MAX ? TOO_LONG : normalize(joined);
}

/** The directory part of an absolute path: up to the last slash, `/` for entries of the root. */
export function directoryOf(path: string): string | undefined {
  const slash = path.lastIndexOf('/');
  if (slash < 0) return undefined;
  return slash === 0 ? '/' : path.slice(0, slash);
}

/** The part after the last slash. */
export function fileName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** What the kernel shows behind the path of a file that has been removed. */
export const DELETED = ' (deleted)';

export function withoutDeleted(path: string): string {
  return path.endsWith(DELETED) ? path.slice(0, -DELETED.length) : path;
}

/** Doubled slashes made single; nothing else. */
export function squeeze(path: string): string {
  return path.includes('//') ? path.replace(/\/{2,}/g, '/') : path;
}
