import type { MetricSink } from '../engine/core/metrics.ts';

/** Why an alert was not delivered. */
export type DropReason = 'queue_full' | 'rejected' | 'deadline' | 'shutdown' | 'closed' | 'spool';

/** The state of one output, for `ringfence status`. */
export interface OutputStats {
  readonly name: string;
  readonly type: string;
  readonly state: 'ok' | 'failing' | 'closed';
  readonly accepted: number;
  readonly sent: number;
  readonly filtered: number;
  readonly suppressed: number;
  readonly dropped: Readonly<Partial<Record<DropReason, number>>>;
  readonly failures: number;
  readonly queued: number;
  readonly capacity: number;
  readonly spooled: number;
  readonly spooledBytes: number;
  readonly lastError?: string;
  /** Of the sends since the start: mean and longest, in milliseconds. */
  readonly sendMs: { readonly mean: number; readonly max: number };
}

/** The counters of one output. Counting is an addition; `publish` hands the difference to the metrics. */
export class Counters {
  accepted = 0;
  sent = 0;
  filtered = 0;
  suppressed = 0;
  failures = 0;
  readonly dropped = new Map<DropReason, number>();
  #sends = 0;
  #sendMs = 0;
  #maxMs = 0;
  #published = new Map<string, number>();

  drop(reason: DropReason, n = 1): void {
    if (n > 0) this.dropped.set(reason, (this.dropped.get(reason) ?? 0) + n);
  }

  send(ms: number): void {
    this.#sends++;
    this.#sendMs += ms;
    this.#maxMs = Math.max(this.#maxMs, ms);
  }

  get sendMs(): OutputStats['sendMs'] {
    return { mean: this.#sends === 0 ? 0 : this.#sendMs / this.#sends, max: this.#maxMs };
  }

  publish(output: string, sink: MetricSink): void {
    const add = (result: string, total: number): void => {
      const n = total - (this.#published.get(result) ?? 0);
      if (n > 0) sink.add('outputAlerts', [output, result], n);
      this.#published.set(result, total);
    };
    add('sent', this.sent);
    add('filtered', this.filtered);
    add('suppressed', this.suppressed);
    for (const [reason, n] of this.dropped) {
      const before = this.#published.get(reason) ?? 0;
      if (n > before) {
        sink.add('outputAlerts', [output, 'dropped'], n - before);
        sink.add('outputDrops', [output, reason], n - before);
      }
      this.#published.set(reason, n);
    }
  }
}
