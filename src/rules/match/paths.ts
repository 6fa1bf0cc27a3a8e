/** `pmatch`: is one of a set of paths (whose components may be globs) the value itself or a folder above it? */
import { compileGlob, isPlainGlob } from './glob.ts';

interface PathNode {
  end: boolean;
  readonly exact: Map<string, PathNode>;
  readonly globs: {
    readonly pattern: string;
    readonly matches: (text: string) => boolean;
    readonly next: PathNode;
  }[];
}

function node(): PathNode {
  return { end: false, exact: new Map(), globs: [] };
}

/** A matcher for a list of paths: a tree of components, walked once per value. */
export function compilePaths(paths: readonly string[]): (value: string) => boolean {
  const root = node();
  for (const path of paths) add(root, path);
  return (value) => {
    if (root.end && value.startsWith('/')) return true;
    return walk([root], components(value));
  };
}

function add(root: PathNode, path: string): void {
  const parts = components(path);
  if (parts.length === 0 && !path.startsWith('/')) return;
  let at = root;
  for (const part of parts) at = child(at, part);
  at.end = true;
}

function child(at: PathNode, part: string): PathNode {
  if (isPlainGlob(part)) {
    let next = at.exact.get(part);
    if (next === undefined) {
      next = node();
      at.exact.set(part, next);
    }
    return next;
  }
  const known = at.globs.find((glob) => glob.pattern === part);
  if (known !== undefined) return known.next;
  const next = node();
  at.globs.push({ pattern: part, matches: compileGlob(part), next });
  return next;
}

/** All nodes that the value's components can reach, level by level: linear in the value, no backtracking. */
function walk(start: readonly PathNode[], parts: readonly string[]): boolean {
  let level = start;
  for (const part of parts) {
    const next: PathNode[] = [];
    for (const at of level) {
      const exact = at.exact.get(part);
      if (exact !== undefined) next.push(exact);
      for (const glob of at.globs) if (glob.matches(part)) next.push(glob.next);
    }
    if (next.length === 0) return false;
    if (next.some((at) => at.end)) return true;
    level = next;
  }
  return false;
}

function components(path: string): string[] {
  return path.split('/').filter((part) => part !== '');
}
