import type { Alert } from '../../engine/core/alert.ts';
import { bootId } from '../../engine/core/clock.ts';
import type { Log } from '../../engine/core/log.ts';
import type { MetricSink } from '../../engine/core/metrics.ts';
import { internalAlert } from '../internal-alert.ts';
import type { Anchor } from './anchor.ts';
import { ANCHOR_RULE, ANCHOR_TEXT } from './anchor-lines.ts';
import { auditOptions } from './config.ts';
import { type AlertContext, alertEntry, type Entry } from './entry.ts';
import { type AuditState, type AuditStats, AuditStore } from './store.ts';
import type { AppendReport } from './writer.ts';

export interface AuditDeps {
  readonly hostname: string;
  readonly version: string;
  readonly log: Log;
  readonly metrics: MetricSink;
  /** Takes an anchor to the other outputs, past the audit, if the configuration wants that. */
  readonly onAnchor?: (alert: Alert) => void;
}

/** Below this there is a warning: the disk that holds the audit is nearly full. */
const LOW_BYTES = 256 * 1024 * 1024;

/** The audit of a running engine: the store, with its state in log and metrics. */
export class Audit {
  readonly #store: AuditStore;
  #last: Promise<void> = Promise.resolve();

  private constructor(store: AuditStore) {
    this.#store = store;
  }

  /** Opens what the section `outputs.audit` describes; undefined if there is none or it is switched off. */
  static async open(section: unknown, deps: AuditDeps): Promise<Audit | undefined> {
    const { hostname, version, log, metrics } = deps;
    const options = auditOptions(section, { hostname, version, bootId: bootId() });
    if (!options) return undefined;
    metrics.set('auditOk', [], 1);
    metrics.set('auditWriting', [], 1);
    const report = new Reporter(log, metrics);
    const store = await AuditStore.open(options, {
      onState: (state) => report.state(state),
      onCommit: (commit) => report.commit(commit),
      onAnchor: (anchor) => {
        log.info({ component: 'audit', anchor }, 'audit anchor');
        if (options.anchorAlerts) deps.onAnchor?.(anchorAlert(anchor, hostname));
      },
    });
    return new Audit(store);
  }

  /**
   * Writes alerts. Resolves, in the order of the calls, when they are on the disk, or when the disk has failed and
   * nobody should wait for it: from then on they may go to the other outputs. `context(i)` belongs to alert i.
   */
  async alerts(alerts: readonly Alert[], context: (i: number) => AlertContext = () => ({})): Promise<void> {
    const written = this.#store.append(alerts.map((alert, i) => alertEntry(alert, context(i))));
    const before = this.#last;
    // Without a value: `Promise.all` would hold all values of before, for ever.
    this.#last = written.then(() => before);
    await this.#last;
  }

  /** Writes other rows; resolves as `alerts` does. */
  async record(...entries: Entry[]): Promise<void> {
    await this.#store.append(entries);
  }

  stats(): AuditStats {
    return this.#store.stats();
  }

  /** Writes what waits and publishes the last head; returns the number of rows that could not be written in time. */
  close(deadlineMs?: number): Promise<number> {
    return this.#store.close(deadlineMs);
  }
}

/** An anchor as an alert: whole in its text, where `audit verify --anchors` finds it again. */
export function anchorAlert(anchor: Anchor, hostname: string): Alert {
  const { chain, seq, hash, key = null, signature = null } = anchor;
  return internalAlert(
    {
      rule: ANCHOR_RULE,
      priority: 6,
      message: `${ANCHOR_TEXT}${JSON.stringify(anchor)}`,
      fields: {
        'audit.chain': chain,
        'audit.seq': seq,
        'audit.hash': hash,
        'audit.key': key,
        'audit.signature': signature,
      },
    },
    hostname,
  );
}

/** Says in log and metrics what happens to the store. */
class Reporter {
  readonly #log: Log;
  readonly #metrics: MetricSink;
  #low = false;

  constructor(log: Log, metrics: MetricSink) {
    this.#log = log.child({ component: 'audit' });
    this.#metrics = metrics;
  }

  state({ ok, reason }: AuditState): void {
    this.#metrics.set('auditWriting', [], ok ? 1 : 0);
    if (ok) this.#log.warn({ code: 'W_AUDIT_RESUMED' }, 'the audit is being written again');
    else {
      this.#log.error(
        { code: 'E_AUDIT_STALLED', reason },
        'the audit cannot be written; alerts go on, rows wait',
      );
    }
  }

  commit({ written, notices, freeBytes }: AppendReport): void {
    for (const [kind, n] of Object.entries(written)) this.#metrics.add('auditRows', [kind], n);
    for (const { code, message } of notices) {
      if (code === 'E_AUDIT_GAP') this.#metrics.set('auditOk', [], 0);
      this.#log.error({ code }, message);
    }
    const low = freeBytes < LOW_BYTES;
    if (low && !this.#low)
      this.#log.warn({ code: 'W_AUDIT_SPACE', freeBytes }, "the audit's disk is nearly full");
    this.#low = low;
  }
}
