import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import {
  type DenyEntry,
  type DenyRequest,
  type DenyScope,
  type DenyTarget,
  entryKey,
  parseScope,
  parseTarget,
  scopeText,
  targetText,
} from './deny-entry.ts';

/** Where entries act: the kernel's maps, or a stand-in in tests. */
export interface DenySink {
  put(entries: readonly DenyEntry[]): void;
  remove(entry: DenyEntry): void;
  hits(entry: DenyEntry): DenyHits;
  configure(entries: Iterable<DenyEntry>, monitor: boolean): void;
  /** Cgroups may have been made, removed or made anew. */
  follow(): void;
}

/** How often an entry refused something since it was put there, and when last. */
export interface DenyHits {
  readonly count: number;
  /** Wall clock, ms. */
  readonly last: number | undefined;
}

export interface DenyStorage {
  load(): DenyEntry[];
  save(entries: Iterable<DenyEntry>): void;
}

export interface DenyListOptions {
  readonly sink: DenySink;
  readonly store: DenyStorage;
  readonly now: () => number;
  readonly monitor: boolean;
  /** Entries that name files or programs changed; says why they cannot be put in force, if they cannot. */
  readonly onObjects?: () => string | undefined;
  /** What is in force could not be stored; it is tried again. */
  readonly onUnstored?: (error: unknown) => void;
  /** Whether there is such a cgroup; absent = nobody asks. */
  readonly hasCgroup?: (path: string) => boolean;
  /** Whether such entries can be refused on this machine; absent = yes. */
  readonly refusesObjects?: (kind: 'path' | 'exe') => boolean;
}

/** An entry as it is shown. */
export interface DenyView {
  readonly id: number;
  readonly target: string;
  readonly port: number | null;
  readonly protocol: string | null;
  readonly scope: string;
  readonly reason: string;
  readonly source: string;
  readonly created: string;
  readonly expires: string | null;
  readonly hits: number;
  readonly lastHit: string | null;
}

export interface ImportReport {
  readonly added: number;
  readonly renewed: number;
  readonly invalid: readonly { readonly line: number; readonly text: string; readonly message: string }[];
}

const MAX_REPORTED = 20;

/**
 * The deny list: what is refused whatever the rules say. Every change is in the kernel before it is on disk, and stays
 * there if the disk is full.
 */
export class DenyList {
  readonly #options: DenyListOptions;
  readonly #byKey = new Map<string, DenyEntry>();
  readonly #byId = new Map<number, DenyEntry>();
  #nextId = 1;
  #unstored = false;
  #monitor: boolean;

  /** Puts what is stored in force; what has expired meanwhile is left out. */
  constructor(options: DenyListOptions) {
    this.#options = options;
    this.#monitor = options.monitor;
    const now = options.now();
    const stored = options.store.load();
    for (const entry of stored) {
      this.#nextId = Math.max(this.#nextId, entry.id + 1);
      const until = (e: DenyEntry | undefined): number => (e === undefined ? now : (e.expires ?? Infinity));
      // Of two that are one by now the longer holds.
      const same = this.#byKey.get(entryKey(entry.target, entry.scope));
      if (until(entry) <= until(same)) continue;
      if (same !== undefined) this.#byId.delete(same.id);
      this.#remember(entry);
    }
    options.sink.put([...this.#byId.values()]);
    this.#configure();
  }

  /** Entries that name files, folders or programs. */
  objects(): DenyEntry[] {
    return [...this.#byId.values()].filter((entry) => entry.target.kind !== 'network');
  }

  get size(): number {
    return this.#byId.size;
  }

  /** Adds an entry; one with the same target and scope is renewed and keeps its id. `later`: stored within a second. */
  add(request: DenyRequest, later = false): DenyView {
    const entry = this.#make(request);
    const known = this.#byId.get(entry.id);
    const before = known === undefined ? [] : [known];
    this.#remember(entry);
    this.#put([entry], before);
    this.#configure();
    this.#putObjects([entry], before);
    if (later) this.#unstored = true;
    else this.#save();
    return this.#view(entry);
  }

  /** Adds an entry unless it is there already: for responses, which come in floods. Each of them written by itself would
   * hold up the thread that makes them. */
  ensure(request: DenyRequest): void {
    const known = this.#byKey.get(entryKey(parseTarget(request), parseScope(request.scope)));
    if (known === undefined || (known.expires ?? Number.POSITIVE_INFINITY) <= this.#options.now())
      this.add(request, true);
  }

  /** Stores what is not stored yet. */
  flush(): void {
    if (this.#unstored) this.#save();
  }

  /**
   * Reads a feed: one target a line, `#` and `;` begin comments. Lines that cannot be read are reported, not fatal.
   * With `more` to come it is written down with the last part.
   */
  import(text: string, common: Omit<DenyRequest, 'target'>, more = false): ImportReport {
    const invalid: { line: number; text: string; message: string }[] = [];
    const made = new Map<number, DenyEntry>();
    const before = new Map<number, DenyEntry>();
    let added = 0;
    let renewed = 0;
    text.split('\n').forEach((line, i) => {
      const target = /^\s*([^\s#;]*)/.exec(line)?.[1] ?? '';
      if (target === '') return;
      try {
        const next = this.#nextId;
        const entry = this.#make({ ...common, target });
        const known = this.#byId.get(entry.id);
        if (known !== undefined && !made.has(entry.id)) before.set(entry.id, known);
        if (this.#nextId > next) added++;
        else renewed++;
        this.#remember(entry);
        made.set(entry.id, entry);
      } catch (error) {
        if (!(error instanceof AppError)) throw error;
        if (invalid.length < MAX_REPORTED)
          invalid.push({ line: i + 1, text: line.slice(0, 200), message: error.message });
      }
    });
    this.#put([...made.values()], [...before.values()]);
    this.#configure();
    this.#putObjects([...made.values()], [...before.values()]);
    if (!more) this.#save();
    return { added, renewed, invalid };
  }

  /** Removes by id, or all entries with this target. Returns what was removed. */
  remove(what: number | string): DenyView[] {
    const target = typeof what === 'number' ? undefined : targetText(parseTarget({ target: what }));
    const gone = [...this.#byId.values()].filter((e) =>
      target === undefined ? e.id === what : targetText(e.target) === target,
    );
    if (gone.length === 0) {
      throw new AppError('E_DENY', `there is no deny entry ${what}`, {
        exitCode: EXIT.failure,
        help: 'ringfence deny list',
      });
    }
    const views = gone.map((entry) => this.#view(entry));
    for (const entry of gone) this.#forget(entry);
    this.#configure();
    this.#save();
    this.#objectsGone(gone);
    return views;
  }

  list(): DenyView[] {
    this.expire();
    return [...this.#byId.values()].map((entry) => this.#view(entry));
  }

  entry(id: number): DenyView | undefined {
    const entry = this.#byId.get(id);
    return entry === undefined ? undefined : this.#view(entry);
  }

  /**
   * Takes out what has expired: the kernel does not apply it any more, this gives its memory back. Stores what could not
   * be stored before.
   */
  expire(): number {
    const now = this.#options.now();
    const gone = [...this.#byId.values()].filter((e) => e.expires !== undefined && e.expires <= now);
    for (const entry of gone) this.#forget(entry);
    if (gone.length > 0) {
      this.#configure();
      this.#save();
      this.#objectsGone(gone);
    } else this.flush();
    return gone.length;
  }

  /** Follows what has changed since: entries expire, cgroups come and go. */
  refresh(): void {
    this.expire();
    this.#options.sink.follow();
  }

  /** In monitor mode entries report and let through. */
  setMonitor(monitor: boolean): void {
    this.#monitor = monitor;
    this.#configure();
  }

  #make(request: DenyRequest): DenyEntry {
    const target = parseTarget(request);
    const scope = parseScope(request.scope);
    this.#check(target, scope);
    const now = this.#options.now();
    const known = this.#byKey.get(entryKey(target, scope));
    return {
      id: known?.id ?? this.#nextId++,
      target,
      scope,
      reason: request.reason ?? known?.reason ?? '',
      source: request.source ?? 'cli',
      created: known?.created ?? now,
      expires: request.ttl === undefined ? undefined : now + request.ttl,
    };
  }

  /** What would be taken in and not hold is an error. */
  #check(target: DenyTarget, scope: DenyScope | undefined): void {
    if (scope?.kind === 'cgroup' && this.#options.hasCgroup?.(scope.path) === false)
      throw new AppError('E_DENY', `there is no cgroup ${scope.path}`, { exitCode: EXIT.invalid });
    if (target.kind === 'network') return;
    if (this.#options.refusesObjects?.(target.kind) === false) {
      throw new AppError('E_DENY', 'nothing on this machine can refuse to open files', {
        exitCode: EXIT.notPermitted,
        help: 'boot with `bpf` in lsm= (ringfence doctor)',
      });
    }
    if (scope?.kind === 'cgroup') {
      throw new AppError('E_DENY', 'entries on files and programs have no cgroup scope', {
        exitCode: EXIT.invalid,
      });
    }
  }

  #remember(entry: DenyEntry): void {
    this.#byKey.set(entryKey(entry.target, entry.scope), entry);
    this.#byId.set(entry.id, entry);
  }

  #forget(entry: DenyEntry): void {
    this.#byKey.delete(entryKey(entry.target, entry.scope));
    this.#byId.delete(entry.id);
    this.#options.sink.remove(entry);
  }

  /** Into the kernel's maps. What they have no room for is taken back, all of it. */
  #put(made: readonly DenyEntry[], before: readonly DenyEntry[]): void {
    try {
      this.#options.sink.put(made);
    } catch (error) {
      this.#takeBack(made, before);
      throw error;
    }
  }

  #takeBack(made: readonly DenyEntry[], before: readonly DenyEntry[]): void {
    for (const entry of made) this.#forget(entry);
    for (const entry of before) this.#remember(entry);
    if (before.length > 0) this.#options.sink.put(before);
    this.#configure();
  }

  /** Puts what names files and programs in force. What does not fit is taken back, all of it. */
  #putObjects(made: readonly DenyEntry[], before: readonly DenyEntry[]): void {
    if (made.every(({ target }) => target.kind === 'network')) return;
    const problem = this.#options.onObjects?.();
    if (problem === undefined) return;
    this.#takeBack(made, before);
    this.#options.onObjects?.();
    throw new AppError('E_DENY', `not taken: ${problem}`, {
      exitCode: EXIT.invalid,
      help: 'remove entries on files and programs, or name a folder in place of its files',
    });
  }

  #objectsGone(gone: readonly DenyEntry[]): void {
    if (gone.some((entry) => entry.target.kind !== 'network')) this.#options.onObjects?.();
  }

  #configure(): void {
    this.#options.sink.configure(this.#byId.values(), this.#monitor);
  }

  #save(): void {
    try {
      this.#options.store.save(this.#byId.values());
      this.#unstored = false;
    } catch (error) {
      this.#unstored = true;
      this.#options.onUnstored?.(error);
    }
  }

  #view(entry: DenyEntry): DenyView {
    const { target } = entry;
    const network = target.kind === 'network' ? target : undefined;
    const { count, last } = this.#options.sink.hits(entry);
    return {
      id: entry.id,
      target: targetText(target),
      port: network?.port ?? null,
      protocol: network?.protocol ?? null,
      scope: scopeText(entry.scope),
      reason: entry.reason,
      source: entry.source,
      created: new Date(entry.created).toISOString(),
      expires: entry.expires === undefined ? null : new Date(entry.expires).toISOString(),
      hits: count,
      lastHit: last === undefined ? null : new Date(last).toISOString(),
    };
  }
}
