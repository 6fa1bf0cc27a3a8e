import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../../engine/core/diagnostic.ts';
import { makeFolder } from '../../engine/core/folder.ts';
import type { BpfLink } from '../../sensors/bpf/bpf.ts';
import { errnoName } from '../../sensors/bpf/libbpf.ts';

/** Where enforcement is kept when it shall outlive the engine. */
export const PIN_DIR = '/sys/fs/bpf/ringfence';

const BPFFS_MAGIC = 0xcafe4a11;
/** Begins the names of pins that are journals of refusals, and no links. */
export const JOURNAL_PREFIX = 'journal_';
/** Names with a dot are reserved in a BPF file system. */
const NEW = '_new';

/**
 * Pins links and takes the place of those that an engine before left: the old ones go only when all new ones hold,
 * so there is no moment without either.
 */
export function pinLinks(links: ReadonlyMap<string, BpfLink>, dir: string = PIN_DIR): void {
  const parent = path.dirname(dir);
  if (!fs.existsSync(parent) || fs.statfsSync(parent).type !== BPFFS_MAGIC) {
    throw new AppError('E_PIN', `${parent} is not a BPF file system`, { help: `mount -t bpf bpf ${parent}` });
  }
  makeFolder(dir);
  for (const [name, link] of links) {
    fs.rmSync(path.join(dir, name + NEW), { force: true });
    link.pin(path.join(dir, name + NEW));
  }
  for (const name of links.keys()) fs.renameSync(path.join(dir, name + NEW), path.join(dir, name));
  for (const name of fs.readdirSync(dir))
    if (!links.has(name) && !isJournal(name)) fs.rmSync(path.join(dir, name));
}

export function isJournal(name: string): boolean {
  return name.startsWith(JOURNAL_PREFIX);
}

/** Whether each link still has its pin. */
export function arePinned(links: ReadonlyMap<string, BpfLink>, dir: string = PIN_DIR): boolean {
  return [...links.keys()].every((name) => fs.existsSync(path.join(dir, name)));
}

/** Ends what is pinned; returns the names. Nothing is refused any more unless an engine runs. */
export function unpinAll(dir: string = PIN_DIR): string[] {
  if (!fs.existsSync(dir)) return [];
  const names = fs.readdirSync(dir);
  for (const name of names) fs.rmSync(path.join(dir, name));
  fs.rmdirSync(dir);
  return names;
}

/** A map could not be pinned. */
export function pinFailed(file: string, errno: number): AppError {
  return new AppError('E_PIN', `cannot pin ${file}: ${errnoName(errno)}`);
}
