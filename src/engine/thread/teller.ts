import type { ApplyReport, JournalReport } from '../../enforce/index.ts';
import { internalAlert } from '../../outputs/internal-alert.ts';
import type { Loss, RingLevel, SensorStats } from '../../sensors/sensor.ts';
import { MetricBuffer } from '../core/metrics.ts';
import type { CanaryChange, CanaryState } from '../pipeline/canary.ts';
import { type AlertLoss, LossReport } from '../pipeline/loss-report.ts';
import type { FromEngine } from './protocol.ts';

const TAMPER_PRIORITY = 2;

/** What the engine thread tells of itself: log, metrics, and alerts about what it lost or what was done to it. */
export class Teller {
  readonly metrics = new MetricBuffer();
  readonly #send: (message: FromEngine) => void;
  readonly #hostname: string;
  readonly #losses: LossReport;
  /** Operations let through for want of a place to judge them in, as last told. */
  #unjudged = 0;

  /** `toEpoch`: ns since boot → ns since the epoch. */
  constructor(send: (message: FromEngine) => void, hostname: string, toEpoch: (bootNs: number) => bigint) {
    this.#send = send;
    this.#hostname = hostname;
    this.#losses = new LossReport(hostname, toEpoch);
  }

  log(level: 'info' | 'warn' | 'error', fields: object, msg: string): void {
    this.#send({ type: 'log', level, fields, msg });
  }

  /** What became of the rules on their way into the kernel. */
  policy(applied: ApplyReport): void {
    for (const error of applied.errors)
      this.log('error', { code: 'E_POLICY', ...error }, 'a rule cannot be enforced');
    for (const rule of applied.observedOnly)
      this.log('warn', { code: 'W_TIER', rule }, 'nothing on this machine can refuse what this rule denies');
    this.unlabelled(applied.byNameOnly, 'what rules name here holds by name only');
    const { generation, milliseconds } = applied;
    this.log('info', { generation, milliseconds: Math.round(milliseconds) }, 'policy in force');
  }

  /** Paths without labels; a few of them stand for all. */
  unlabelled(paths: readonly string[], msg: string): void {
    if (paths.length === 0) return;
    const shown = paths.slice(0, 5).map((path) => Buffer.from(path, 'latin1').toString());
    this.log('warn', { code: 'W_LABEL', paths: shown, of: paths.length }, msg);
  }

  /** Somebody undid a part of the enforcement; `failed` says why it could not be put back. */
  tampered(what: readonly string[], failed?: string): void {
    const done = failed === undefined ? 'put back' : `could not be put back: ${failed}`;
    const message = `Somebody undid a part of the enforcement: ${what.join(', ')}; ${done}`;
    this.log('error', { code: 'E_TAMPER', what, failed }, message);
    const rule = 'Ringfence internal: enforcement undone';
    const fields = { what: what.join(', '), restored: failed === undefined ? 'yes' : 'no' };
    const alert = internalAlert({ rule, priority: TAMPER_PRIORITY, message, fields }, this.#hostname);
    this.#send({ type: 'alerts', alerts: [alert] });
  }

  /** What pinned programs refused while no engine was there. */
  journal({ told, full, unreadable }: JournalReport): void {
    if (told > 0) this.log('warn', { refusals: told }, 'refused while no engine ran');
    const code = 'W_JOURNAL';
    if (full) this.log('warn', { code }, 'more was refused while no engine ran than the journal holds');
    else if (unreadable)
      this.log('warn', { code }, 'another build wrote the journal of refusals: it cannot be read');
  }

  lost(loss: Loss | AlertLoss): void {
    this.metrics.add('eventsDropped', [loss.stage, loss.reason], loss.count);
    this.#losses.add(loss);
    this.log('warn', { code: 'W_EVENTS_LOST', ...loss }, 'events were lost');
  }

  canary(change: CanaryChange | undefined, state: CanaryState): void {
    if (state.call !== undefined) this.metrics.add('canaryActs', ['sent']);
    if (change === undefined) return;
    this.metrics.set('canaryOk', [], state.ok ? 1 : 0);
    this.#send({ type: 'canary', change, state });
  }

  /** Sends the losses that are due, as alerts. */
  losses(): void {
    const alerts = this.#losses.due(performance.now());
    if (alerts.length > 0) this.#send({ type: 'alerts', alerts });
  }

  /** Sends what was counted since the last time. */
  counts({ unjudged }: Pick<SensorStats, 'unjudged'>, rings: readonly RingLevel[], generation: number): void {
    for (const { ring, pending, capacity } of rings) {
      this.metrics.set('ringBytes', [ring], pending);
      this.metrics.set('ringCapacity', [ring], capacity);
    }
    this.metrics.set('policyGeneration', [], generation);
    this.metrics.set('unjudged', ['no_place'], unjudged);
    if (unjudged > this.#unjudged)
      this.log('error', { code: 'W_UNJUDGED', count: unjudged - this.#unjudged }, 'let through unjudged');
    this.#unjudged = unjudged;
    this.#send({ type: 'metrics', delta: this.metrics.take() });
  }
}
