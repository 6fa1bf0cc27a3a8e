import { epochNs } from '../../engine/core/clock.ts';
import { AppError } from '../../engine/core/diagnostic.ts';
import { delay, settledWithin } from '../async.ts';
import type { Anchor } from './anchor.ts';
import { Channel } from './channel.ts';
import { type Entry, lossEntry } from './entry.ts';
import type { Head } from './keys.ts';
import type { AppendReport, WriterOptions } from './writer.ts';

export interface AuditOptions extends WriterOptions {
  /** 0 = no anchors but at the end. */
  readonly anchorIntervalMs: number;
  /** Whether whoever runs the store should pass anchors on to the other outputs. */
  readonly anchorAlerts?: boolean;
  /** How long `append` may hold up whoever waits for it, when the disk does not answer. */
  readonly waitMs: number;
  /** Rows kept in memory while the disk does not take them. */
  readonly maxQueued: number;
}

export const AUDIT_DEFAULTS = {
  folder: '/var/lib/ringfence/audit',
  sync: 'full',
  maxFileBytes: 1024 ** 3,
  retentionDays: 400,
  anchorIntervalMs: 60_000,
  waitMs: 2_000,
  maxQueued: 50_000,
} as const;

/**
 * `committed`: on the disk. `deferred`: not yet, and the caller should not wait; it is written as soon as it can be.
 * `dropped`: the disk has not taken rows for so long that the queue is full; counted, and recorded as a loss.
 */
export type Outcome = 'committed' | 'deferred' | 'dropped';

export interface AuditState {
  readonly ok: boolean;
  /** Why rows are not being written. */
  readonly reason?: string;
}

/** What the store tells whoever runs it. */
export interface AuditHooks {
  readonly onAnchor?: (anchor: Anchor) => void;
  /** Called when writing stops to work and when it works again. */
  readonly onState?: (state: AuditState) => void;
  readonly onCommit?: (report: AppendReport, ms: number) => void;
}

export interface AuditStats {
  readonly state: AuditState;
  readonly committed: number;
  readonly commits: number;
  readonly queued: number;
  readonly dropped: number;
  readonly freeBytes: number | undefined;
  readonly head: Head | undefined;
}

interface Ticket {
  readonly entries: readonly Entry[];
  readonly settle: (outcome: Outcome) => void;
}

const MAX_BATCH = 4_096;
const RETRY_MS = { first: 250, most: 5_000 } as const;

/**
 * The audit as the engine sees it. Rows are committed in groups: the first goes to the writer's thread at once, and
 * what comes while the disk is busy goes together as the next. When the disk fails, the engine is not held up: rows
 * wait in memory, within bounds, and are written in order when it recovers.
 */
export class AuditStore {
  readonly #options: AuditOptions;
  readonly #hooks: AuditHooks;
  readonly #channel: Channel;
  readonly #anchorTimer: NodeJS.Timeout | undefined;
  #queue: Ticket[] = [];
  /** Under way to the disk. */
  #batch: readonly Ticket[] = [];
  #queued = 0;
  #running: Promise<void> | undefined;
  #closing = false;
  #state: AuditState = { ok: true };
  #lost = { count: 0, sinceNs: 0n };
  #dropped = 0;
  #committed = 0;
  #commits = 0;
  #freeBytes: number | undefined;
  #head: Head | undefined;

  private constructor(options: AuditOptions, hooks: AuditHooks, channel: Channel) {
    this.#options = options;
    this.#hooks = hooks;
    this.#channel = channel;
    if (options.anchorIntervalMs > 0) {
      this.#anchorTimer = setInterval(() => void this.anchor().catch(() => {}), options.anchorIntervalMs);
      this.#anchorTimer.unref();
    }
  }

  /**
   * Opens the audit and finds the place to go on. Throws an AppError for what the user has to mend; a full or failing
   * disk does not stop the engine: the store opens and says so through `onState`.
   */
  static async open(options: AuditOptions, hooks: AuditHooks = {}): Promise<AuditStore> {
    const channel = new Channel(options);
    const store = new AuditStore(options, hooks, channel);
    try {
      store.#head = await channel.request<Head>({ op: 'open' });
    } catch (cause) {
      if (cause instanceof AppError) {
        clearInterval(store.#anchorTimer);
        await channel.end();
        throw cause;
      }
      store.#setState({ ok: false, reason: (cause as Error).message });
    }
    return store;
  }

  /** Takes the entries, in order; the promise never rejects. */
  append(entries: readonly Entry[]): Promise<Outcome> {
    if (entries.length === 0) return Promise.resolve('committed');
    if (this.#closing || this.#queued + entries.length > this.#room(entries)) {
      if (this.#lost.count === 0) this.#lost.sinceNs = entries[0]!.timeNs;
      this.#lost.count += entries.length;
      this.#dropped += entries.length;
      return Promise.resolve('dropped');
    }
    return new Promise((resolve) => {
      this.#queue.push({ entries, settle: resolve });
      this.#queued += entries.length;
      if (!this.#state.ok) resolve('deferred');
      this.#running ??= this.#run();
    });
  }

  /** Publishes the head now. Undefined if nothing was added since the last anchor. */
  async anchor(): Promise<Anchor | undefined> {
    const anchor = await this.#channel.request<Anchor | undefined>({ op: 'anchor' });
    if (anchor) this.#hooks.onAnchor?.(anchor);
    return anchor;
  }

  stats(): AuditStats {
    return {
      state: this.#state,
      committed: this.#committed,
      commits: this.#commits,
      queued: this.#queued,
      dropped: this.#dropped,
      freeBytes: this.#freeBytes,
      head: this.#head,
    };
  }

  /** Writes what is queued, publishes the last head and closes, within the deadline. Returns the rows not written. */
  async close(deadlineMs = 5_000): Promise<number> {
    this.#closing = true;
    clearInterval(this.#anchorTimer);
    const end = performance.now() + deadlineMs;
    await settledWithin(this.#running ?? Promise.resolve(), deadlineMs);
    if (this.#queued === 0) {
      const last = this.anchor()
        .catch(() => undefined)
        .then(() => this.#channel.request({ op: 'close' }))
        .catch(() => undefined);
      await settledWithin(last, Math.max(end - performance.now(), 100));
    }
    for (const ticket of [...this.#batch, ...this.#queue]) ticket.settle('deferred');
    await this.#channel.end();
    return this.#queued;
  }

  /** A flood of alerts leaves a quarter of the queue to what people and the engine do. */
  #room(entries: readonly Entry[]): number {
    const flood = entries[0]!.kind === 'alert';
    return flood ? this.#options.maxQueued : this.#options.maxQueued * 1.25;
  }

  async #run(): Promise<void> {
    let wait: number = RETRY_MS.first;
    while (this.#queued > 0) {
      const batch = this.#take();
      this.#batch = batch;
      const written = await this.#commit(batch);
      this.#batch = [];
      if (written) {
        wait = RETRY_MS.first;
        continue;
      }
      this.#queue = [...batch, ...this.#queue];
      if (this.#closing) break;
      await delay(wait);
      wait = Math.min(wait * 2, RETRY_MS.most);
    }
    this.#running = undefined;
  }

  #take(): Ticket[] {
    let rows = 0;
    let n = 0;
    while (n < this.#queue.length && rows < MAX_BATCH) rows += this.#queue[n++]!.entries.length;
    return this.#queue.splice(0, n);
  }

  async #commit(batch: readonly Ticket[]): Promise<boolean> {
    const started = performance.now();
    const patience = setTimeout(() => this.#fail('the disk does not answer', batch), this.#options.waitMs);
    const entries = batch.flatMap((ticket) => ticket.entries);
    const lost = this.#lost;
    const loss = lost.count > 0 ? [lossRow(lost)] : [];
    this.#lost = { count: 0, sinceNs: 0n };
    try {
      const report = await this.#channel.request<AppendReport>({
        op: 'append',
        entries: [...loss, ...entries],
      });
      this.#queued -= entries.length;
      this.#committed += entries.length;
      this.#commits++;
      this.#head = report.head;
      this.#freeBytes = report.freeBytes;
      for (const ticket of batch) ticket.settle('committed');
      this.#setState({ ok: true });
      this.#hooks.onCommit?.(report, performance.now() - started);
      return true;
    } catch (cause) {
      const count = lost.count + this.#lost.count;
      this.#lost = { count, sinceNs: lost.count > 0 ? lost.sinceNs : this.#lost.sinceNs };
      this.#fail((cause as Error).message, batch);
      return false;
    } finally {
      clearTimeout(patience);
    }
  }

  /** Lets go of everybody who waits; their rows stay in the queue. */
  #fail(reason: string, batch: readonly Ticket[]): void {
    this.#setState({ ok: false, reason });
    for (const ticket of [...batch, ...this.#queue]) ticket.settle('deferred');
  }

  #setState(state: AuditState): void {
    const changed = state.ok !== this.#state.ok || state.reason !== this.#state.reason;
    this.#state = state;
    if (changed) this.#hooks.onState?.(state);
  }
}

function lossRow(lost: { readonly count: number; readonly sinceNs: bigint }): Entry {
  const { count, sinceNs: fromNs } = lost;
  return lossEntry({ stage: 'output', reason: 'audit_queue_full', count, fromNs, toNs: epochNs() });
}
