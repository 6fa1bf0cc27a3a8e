/** The contents of all files read so far. */
import type { ListItem, MacroItem, PluginRequirement, RuleItem } from './items.ts';
import type { EntryReader } from './reader.ts';
import type { Report } from './report.ts';
import type { Version } from './version.ts';

export interface CollectOptions {
  /** Event sources that this engine has. */
  readonly sources: readonly string[];
  /** Whether a text is a field, possibly in a transformer. */
  readonly isField: (text: string) => boolean;
  readonly report: Report;
}

type Kind = 'list' | 'macro' | 'rule';

/** Lists, macros and rules by name, and what they need. */
export class Shelf {
  readonly lists = new Map<string, ListItem>();
  readonly macros = new Map<string, MacroItem>();
  readonly rules = new Map<string, RuleItem>();
  readonly plugins: PluginRequirement[] = [];
  /** Names of entries that could not be read: what refers to them is not to blame. */
  readonly broken: Readonly<Record<Kind, Set<string>>> = {
    list: new Set(),
    macro: new Set(),
    rule: new Set(),
  };
  readonly options: CollectOptions;
  requiredEngine: Version = [0, 0, 0];
  /** Number of the next entry. */
  order = 0;

  constructor(options: CollectOptions) {
    this.options = options;
  }

  /** What an append or a toggle refers to is not there (or could not be read, which was reported already). */
  missing(entry: EntryReader, kind: Kind, name: string, message: string): void {
    if (!this.broken[kind].has(name)) entry.fail(message, entry.place, 'LOAD_ERR_VALIDATE');
  }
}
