import fs from 'node:fs';
import path from 'node:path';
import { AppError } from '../engine/core/diagnostic.ts';
import { makeFolder } from '../engine/core/folder.ts';
import type { DenyEntry } from './deny-entry.ts';

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
      const document = JSON.parse(text) as { format?: unknown; entries?: DenyEntry[] };
      if (document.format === FORMAT && Array.isArray(document.entries)) return document.entries;
    } catch {
      // Told below, as for a document of another kind.
    }
    throw new AppError('E_DENY_STORE', `${this.#file} is damaged`, {
      help: 'move it away to start with an empty deny list',
    });
  }

  save(entries: Iterable<DenyEntry>): void {
    const temporary = `${this.#file}.new`;
    makeFolder(path.dirname(this.#file));
    const fd = fs.openSync(temporary, 'w', 0o600);
    try {
      fs.writeSync(fd, JSON.stringify({ format: FORMAT, entries: [...entries] }));
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
    fs.renameSync(temporary, this.#file);
  }
}
