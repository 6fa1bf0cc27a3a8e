import { readFileSync, writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

/** The middle value, the upper one of two; NaN of none. */
export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** What the figures were taken on. */
export function machine(): string {
  const kernel = release().replace(/-.*/, '');
  return `${cpus().length} × ${cpus()[0]?.model.trim()}, kernel ${kernel}, Node ${process.versions.node}`;
}

/** Replaces one section of docs/performance.md, between its marks. */
export function writeSection(name: string, text: string): void {
  const path = join(PACKAGE_ROOT, 'docs/performance.md');
  const [begin, end] = [`<!-- ${name}: begin -->`, `<!-- ${name}: end -->`];
  const [head, rest] = readFileSync(path, 'utf8').split(begin);
  const tail = rest?.split(end)[1];
  if (head === undefined || tail === undefined) throw new Error(`${path} has lost its marks for ${name}`);
  writeFileSync(path, `${head}${begin}\n${text}\n${end}${tail}`);
}
