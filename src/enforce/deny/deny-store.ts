import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../../engine/core/diagnostic.ts';
import { makeFolder } from '../../engine/core/folder.ts';
import { replaceFile } from '../../engine/core/replace-file.ts';
import { cgroupScope, type DenyEntry, PROTOCOL_NUMBERS } from './deny-entry.ts';

const FORMAT = 'ringfence.deny.v1';

/** The deny list on disk: one JSON document, replaced as a whole, so that a crash leaves the old or the new one. */
export class DenyStore {
  readonly #file: string;

  constructor(stateDir: string) {
    this.#file = path.join(stateDir, 'deny.json');
  }

  /** The stored entries; none where there is no file. A damaged file is an error: it must not be lost by writing. */
  load(): DenyEntry[] {
    let text: string;
    try {
      text = fs.readFileSync(this.#file, 'utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
      throw error;
    }
    try {
      const document = JSON.parse(text) as { format?: unknown; entries?: unknown } | null;
      if (document?.format === FORMAT && Array.isArray(document.entries) && document.entries.every(isEntry))
        return document.entries.map(resolved);
    } catch {
      // Told below, as for a document of another kind.
    }
    throw new AppError('E_DENY_STORE', `${this.#file} is damaged`, {
      help: 'move it away to start with an empty deny list',
    });
  }

  save(entries: Iterable<DenyEntry>): void {
    makeFolder(path.dirname(this.#file));
    replaceFile(this.#file, JSON.stringify({ format: FORMAT, entries: [...entries] }));
  }
}

/** An older engine stored scopes as they were written. */
const resolved = (entry: DenyEntry): DenyEntry =>
  entry.scope?.kind === 'cgroup' ? { ...entry, scope: cgroupScope(entry.scope.path) } : entry;

/** Whether this is an entry as `save` writes it. */
function isEntry(value: unknown): value is DenyEntry {
  if (typeof value !== 'object' || value === null) return false;
  const { id, target, scope, reason, source, created, expires } = value as Record<keyof DenyEntry, unknown>;
  return (
    Number.isSafeInteger(id) &&
    isTarget(target) &&
    (scope === undefined || isScope(scope)) &&
    typeof reason === 'string' &&
    typeof source === 'string' &&
    isTime(created) &&
    (expires === undefined || isTime(expires))
  );
}

function isTarget(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, path: name, address, prefix, port, protocol } = value as Record<string, unknown>;
  if (kind === 'path' || kind === 'exe') return typeof name === 'string' && name.startsWith('/');
  return (
    kind === 'network' &&
    typeof address === 'string' &&
    (address.length === 4 || address.length === 16) &&
    /^[\0-\xff]*$/.test(address) &&
    isWithin(prefix, address.length * 8) &&
    (port === undefined || isWithin(port, 65535)) &&
    (protocol === undefined || (typeof protocol === 'string' && Object.hasOwn(PROTOCOL_NUMBERS, protocol)))
  );
}

function isScope(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { kind, uid, path: name } = value as Record<string, unknown>;
  return (kind === 'user' && isWithin(uid, 0xffffffff)) || (kind === 'cgroup' && typeof name === 'string');
}

const isWithin = (value: unknown, max: number): boolean =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max;

/** Within what a Date can hold. */
const isTime = (value: unknown): boolean => typeof value === 'number' && Math.abs(value) <= 8.64e15;
