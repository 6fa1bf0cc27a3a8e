import type { Alert } from '../engine/core/alert.ts';
import type { Log } from '../engine/core/log.ts';
import type { MetricSink } from '../engine/core/metrics.ts';
import { delay, Signal, settledWithin } from './async.ts';
import { Backoff } from './backoff.ts';
import type { AlertPredicate } from './filter.ts';
import { internalAlert } from './internal-alert.ts';
import type { QueueOptions } from './options.ts';
import { type Output, SendError } from './output.ts';
import { RateLimit } from './rate-limit.ts';
import { Ring } from './ring.ts';
import type { Spool } from './spool/spool.ts';
import { Counters, type OutputStats } from './stats.ts';

export interface QueueDeps {
  readonly name: string;
  readonly hostname: string;
  readonly log: Log;
  readonly metrics: MetricSink;
  readonly filter: AlertPredicate | undefined;
  /** Given with policy `spill`. */
  readonly spool: Spool | undefined;
}

const GRACE_MS = 50;

/** An output may take so long to let go of its peer. */
const CLOSE_MS = 3000;

/**
 * The queue in front of one output. `offer` never waits and never throws; one loop per output takes batches and sends
 * them with retries, so a slow or dead output delays nobody but itself.
 *
 * With a spool there are two modes. Direct: batches go from memory to the output. Spooled (after a failure, when
 * memory is half full, when the spool holds something from before, or always with `write_ahead`): a second loop moves
 * everything from memory to disk, and the first reads from disk; so the order is kept. Back to direct when both are
 * empty.
 */
export class OutputQueue {
  readonly name: string;
  readonly #output: Output;
  readonly #options: QueueOptions;
  readonly #deps: QueueDeps;
  readonly #memory: Ring<Alert>;
  readonly #limit: RateLimit | undefined;
  readonly #backoff: Backoff;
  readonly #counters = new Counters();
  readonly #wake = new Signal();
  readonly #abort = new AbortController();
  readonly #sending: Promise<void>;
  readonly #spoolWriter: Promise<void>;
  #spooled: boolean;
  #spooling = false;
  #spoolRefuses = false;
  #closing = false;
  #state: OutputStats['state'] = 'ok';
  #lastError: string | undefined;
  #summaryTimer: NodeJS.Timeout | undefined;

  constructor(output: Output, options: QueueOptions, deps: QueueDeps) {
    this.name = deps.name;
    this.#output = output;
    this.#options = options;
    this.#deps = deps;
    this.#memory = new Ring(options.queue.capacity);
    this.#limit = options.rate_limit ? new RateLimit(options.rate_limit) : undefined;
    this.#backoff = new Backoff(options.retry.initial_ms, options.retry.max_ms);
    this.#spooled = deps.spool !== undefined && (options.spool.write_ahead || deps.spool.length > 0);
    this.#sending = this.#sendLoop();
    this.#spoolWriter = deps.spool ? this.#spoolLoop(deps.spool) : Promise.resolve();
  }

  /** Takes an alert over, or counts why not. */
  offer(alert: Alert): void {
    if (this.#closing) {
      this.#counters.drop('closed');
      return;
    }
    if (this.#deps.filter && !this.#deps.filter(alert)) {
      this.#counters.filtered++;
      return;
    }
    if (this.#limit && !this.#limit.take(alert, performance.now())) {
      this.#counters.suppressed++;
      this.#scheduleSummary();
      return;
    }
    this.#push(alert);
  }

  #push(alert: Alert): void {
    this.#counters.accepted++;
    if (this.#memory.full) {
      this.#counters.drop('queue_full');
      if (this.#options.queue.policy !== 'drop_oldest') return;
      this.#memory.shift();
    }
    this.#memory.push(alert);
    if (!this.#spooled && this.#deps.spool && this.#memory.length * 2 > this.#memory.capacity) {
      this.#spooled = true;
    }
    this.#wake.notify();
  }

  #scheduleSummary(): void {
    const ms = this.#options.rate_limit?.summary_ms ?? 0;
    this.#summaryTimer ??= setTimeout(() => this.#summarize(), ms).unref();
  }

  #summarize(): void {
    clearTimeout(this.#summaryTimer);
    this.#summaryTimer = undefined;
    const notice = this.#limit?.summary(this.name);
    if (notice) this.#push(internalAlert(notice, this.#deps.hostname));
  }

  async #sendLoop(): Promise<void> {
    while (!this.#abort.signal.aborted) {
      // One turn of the event loop, so that what is emitted in a row becomes one batch.
      await new Promise(setImmediate);
      if (this.#spooled) await this.#sendSpooled(this.#deps.spool as Spool);
      else if (this.#memory.length > 0) await this.#sendDirect();
      else if (this.#closing) return;
      else await this.#wake.wait();
    }
  }

  async #sendDirect(): Promise<void> {
    const { max_alerts: max, max_wait_ms: wait } = this.#options.batch;
    if (wait > 0 && this.#memory.length < max && !this.#closing) {
      await delay(wait, this.#abort.signal, () => this.#memory.length >= max || this.#closing, this.#wake);
    }
    const batch = this.#memory.take(max);
    const rest = await this.#deliver(batch, () => !this.#canSpool());
    if (rest.length === 0) return;
    // Older than everything in memory, hence to its front; the spool loop writes it first.
    this.#memory.unshift(rest);
    this.#spooled = this.#deps.spool !== undefined;
    this.#wake.notify();
    // Neither the peer nor the disk takes anything: there is nothing to do but to wait.
    if (this.#spoolRefuses) await delay(this.#backoff.next(), this.#abort.signal);
  }

  /** A batch in flight may go to disk only while nothing younger is there. */
  #canSpool(): boolean {
    return this.#deps.spool?.length === 0 && !this.#spooling;
  }

  async #sendSpooled(spool: Spool): Promise<void> {
    if (spool.length === 0) {
      const idle = this.#memory.length === 0 && !this.#spooling;
      // The disk takes nothing, and nothing older is there: better sent unsaved than kept back.
      if (!idle && !this.#spooling && this.#spoolRefuses) return this.#sendDirect();
      if (idle && this.#closing) this.#spooled = false;
      else if (idle && !this.#options.spool.write_ahead) this.#spooled = false;
      else await this.#wake.wait();
      return;
    }
    let batch: readonly Alert[];
    try {
      batch = await spool.peek(this.#options.batch.max_alerts);
    } catch (error) {
      this.#failed(error);
      await delay(this.#backoff.next(), this.#abort.signal);
      return;
    }
    const rest = await this.#deliver(
      batch,
      () => true,
      (n) => spool.advance(n),
    );
    if (rest.length > 0 && !this.#abort.signal.aborted) await delay(this.#backoff.next(), this.#abort.signal);
  }

  /** Moves memory to disk while in spooled mode. */
  async #spoolLoop(spool: Spool): Promise<void> {
    while (!this.#abort.signal.aborted) {
      if (!this.#spooled || this.#memory.length === 0) {
        await this.#wake.wait();
        continue;
      }
      this.#spooling = true;
      const taken = await this.#spoolSome(spool);
      this.#spooling = false;
      this.#wake.notify();
      // Full, or the disk refuses: memory takes what comes until there is room again.
      if (!taken) await delay(100, this.#abort.signal);
      else await new Promise(setImmediate);
    }
  }

  async #spoolSome(spool: Spool): Promise<boolean> {
    const batch = this.#memory.take(1024);
    let taken = 0;
    try {
      taken = await spool.append(batch);
    } catch (error) {
      this.#failed(error);
    }
    if (taken < batch.length) this.#memory.unshift(batch.slice(taken));
    this.#spoolRefuses = taken === 0;
    return taken > 0;
  }

  /**
   * Sends a batch. After a failure it is tried again while `persist` says so, until delivered, given up after the
   * deadline or aborted; what is left is returned. `done` is told of each part that is settled.
   */
  async #deliver(
    batch: readonly Alert[],
    persist: () => boolean,
    done: (n: number) => Promise<void> = async () => {},
  ): Promise<readonly Alert[]> {
    let rest = batch;
    let since = performance.now();
    while (rest.length > 0 && !this.#abort.signal.aborted) {
      const { delivered, error } = await this.#attempt(rest);
      this.#counters.sent += delivered;
      if (delivered > 0) since = performance.now();
      const refused = error instanceof SendError && !error.retryable && delivered < rest.length ? 1 : 0;
      this.#counters.drop('rejected', refused);
      rest = rest.slice(delivered + refused);
      if (delivered + refused > 0) await done(delivered + refused);
      if (error === undefined || refused > 0) continue;
      if (!persist()) return rest;
      const deadline = this.#options.queue.policy === 'spill' ? 0 : this.#options.retry.deadline_ms;
      if (deadline > 0 && performance.now() - since > deadline) {
        this.#counters.drop('deadline', rest.length);
        return [];
      }
      const asked = error instanceof SendError ? error.retryAfterMs : undefined;
      await delay(Math.max(this.#backoff.next(), asked ?? 0), this.#abort.signal);
    }
    return rest;
  }

  async #attempt(batch: readonly Alert[]): Promise<{ delivered: number; error?: unknown }> {
    const started = performance.now();
    const attempt = new AbortController();
    const stop = (): void => attempt.abort(new Error('the output is being closed'));
    this.#abort.signal.addEventListener('abort', stop, { once: true });
    const timer = setTimeout(
      () => attempt.abort(new Error(`no answer within ${this.#options.send_timeout_ms} ms`)),
      this.#options.send_timeout_ms,
    );
    try {
      // The race holds even against an output that does not heed the signal.
      await Promise.race([this.#output.send(batch, attempt.signal), rejectOnAbort(attempt.signal)]);
      this.#succeeded();
      return { delivered: batch.length };
    } catch (error) {
      this.#failed(attempt.signal.aborted ? attempt.signal.reason : error);
      return { delivered: error instanceof SendError ? error.delivered : 0, error };
    } finally {
      clearTimeout(timer);
      this.#abort.signal.removeEventListener('abort', stop);
      const ms = performance.now() - started;
      this.#counters.send(ms);
      this.#deps.metrics.observe('outputSend', [this.name], ms / 1000);
    }
  }

  #succeeded(): void {
    this.#backoff.reset();
    if (this.#state === 'failing') {
      this.#deps.log.info({ output: this.name }, 'output works again');
      this.#state = 'ok';
    }
  }

  #failed(error: unknown): void {
    if (this.#abort.signal.aborted) return;
    this.#counters.failures++;
    this.#lastError = error instanceof Error ? error.message : String(error);
    if (this.#state === 'ok') this.#state = 'failing';
    this.#deps.log.warn(
      { code: 'E_OUTPUT_SEND', output: this.name, error: this.#lastError },
      'output fails; alerts wait and are sent again',
    );
  }

  /** SIGHUP. */
  async reopen(): Promise<void> {
    await this.#output.reopen?.();
  }

  /** Sends what is waiting, at most until the deadline; then keeps the rest on disk, or counts it as dropped. */
  async close(deadlineMs: number): Promise<void> {
    this.#summarize();
    this.#closing = true;
    this.#wake.notify();
    // What a dead peer cannot take is safe on disk: no use in waiting.
    const patience = this.#deps.spool && this.#state === 'failing' ? 0 : deadlineMs;
    await settledWithin(this.#sending, patience);
    this.#abort.abort();
    this.#wake.notify();
    await Promise.all([this.#sending, this.#spoolWriter]);
    await this.#keepRest();
    await settledWithin(this.#output.close(), CLOSE_MS).catch((error: unknown) => {
      this.#deps.log.warn({ output: this.name, err: error }, 'output did not close cleanly');
    });
    this.#state = 'closed';
    this.publish();
  }

  async #keepRest(): Promise<void> {
    const { spool } = this.#deps;
    let rest = this.#memory.take(this.#memory.length);
    if (spool) {
      try {
        const taken = await spool.append(rest);
        rest = rest.slice(taken);
        await spool.close();
      } catch (error) {
        this.#deps.log.error({ output: this.name, err: error }, 'could not keep waiting alerts on disk');
      }
    }
    this.#counters.drop(spool ? 'spool' : 'shutdown', rest.length);
  }

  /** Hands counters and gauges to the metrics. */
  publish(): void {
    this.#counters.publish(this.name, this.#deps.metrics);
    const waiting = this.#memory.length + (this.#deps.spool?.length ?? 0);
    this.#deps.metrics.set('outputQueue', [this.name], waiting);
    this.#deps.metrics.set('outputCapacity', [this.name], this.#memory.capacity);
  }

  stats(): OutputStats {
    const counters = this.#counters;
    return {
      name: this.name,
      type: this.#options.type,
      state: this.#state,
      accepted: counters.accepted,
      sent: counters.sent,
      filtered: counters.filtered,
      suppressed: counters.suppressed,
      dropped: Object.fromEntries(counters.dropped),
      failures: counters.failures,
      queued: this.#memory.length,
      capacity: this.#memory.capacity,
      spooled: this.#deps.spool?.length ?? 0,
      spooledBytes: this.#deps.spool?.bytes ?? 0,
      ...(this.#lastError === undefined ? {} : { lastError: this.#lastError }),
      sendMs: counters.sendMs,
    };
  }
}

/** Leaves an output that heeds the signal a moment to say how far it came. */
function rejectOnAbort(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const later = (): void => void setTimeout(() => reject(signal.reason), GRACE_MS).unref();
    signal.addEventListener('abort', later, { once: true });
  });
}
