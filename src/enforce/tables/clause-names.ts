import fs from 'node:fs';
import path from 'node:path';
import { makeFolder } from '../../engine/core/folder.ts';
import { replaceFile } from '../../engine/core/replace-file.ts';
import type { Policy } from './tables.ts';

const FORMAT = 'ringfence.clauses.v1';

/** Which rule each denying clause of a policy belongs to, by operation: what a record's clause number means. */
export interface ClauseNames {
  readonly generation: number;
  readonly rules: Readonly<Record<string, readonly string[]>>;
}

export function clauseNames({ generation, classes }: Policy): ClauseNames {
  const denying = (table: Policy['classes'][number]): string[] =>
    table.clauses.filter((c) => c.action !== 'emit').map((c) => c.rules[0] ?? '');
  return {
    generation,
    rules: Object.fromEntries(classes.map((table) => [table.op, denying(table)] as const)),
  };
}

/** The rule behind a record's clause number. */
export function clauseRule(names: ClauseNames, op: number, clause: number): string | undefined {
  return names.rules[op]?.[clause - 1];
}

/** The names of a pinned policy, for the engine after this one. Good for one boot, like the pins. */
export class ClauseNameStore {
  readonly #file: string;
  readonly #boot: string;

  constructor(stateDir: string, boot: string) {
    this.#file = path.join(stateDir, 'pinned-policy.json');
    this.#boot = boot;
  }

  /** Undefined where there are none of this boot, or none that can be read: then refusals are told without a rule. */
  load(): ClauseNames | undefined {
    try {
      const document = JSON.parse(fs.readFileSync(this.#file, 'utf8')) as ClauseNames & {
        format?: unknown;
        boot?: unknown;
      };
      return document.format === FORMAT && document.boot === this.#boot ? document : undefined;
    } catch {
      return undefined;
    }
  }

  save(names: ClauseNames): void {
    makeFolder(path.dirname(this.#file));
    replaceFile(this.#file, JSON.stringify({ format: FORMAT, boot: this.#boot, ...names }));
  }
}
