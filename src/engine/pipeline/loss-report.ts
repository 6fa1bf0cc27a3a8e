import { internalAlert } from '../../outputs/internal-alert.ts';
import type { Loss } from '../../sensors/sensor.ts';
import type { Alert } from '../core/alert.ts';

/** The rule name of alerts about losses. */
export const LOSS_RULE = 'Ringfence internal: events lost';

/** Time between two alerts about losses, in ms. */
const EVERY_MS = 10_000;

/** Alerts of a flood that the main thread was too slow for. */
export interface AlertLoss extends Omit<Loss, 'stage' | 'reason'> {
  readonly stage: 'queue';
  readonly reason: 'main_busy';
}

interface Sum {
  count: number;
  from: number;
  to: number;
}

/** Adds up losses and makes alerts of them: the first at once, then at most one every ten seconds. */
export class LossReport {
  readonly #hostname: string;
  readonly #toEpoch: (bootNs: number) => bigint;
  readonly #sums = new Map<string, Sum>();
  #last = Number.NEGATIVE_INFINITY;

  constructor(hostname: string, toEpoch: (bootNs: number) => bigint) {
    this.#hostname = hostname;
    this.#toEpoch = toEpoch;
  }

  /** Notes a loss. */
  add({ stage, reason, ring, count, from, to }: Loss | AlertLoss): void {
    const key = `${stage} ${reason} ${ring}`;
    const sum = this.#sums.get(key);
    if (!sum) this.#sums.set(key, { count, from, to });
    else {
      sum.count += count;
      sum.to = to;
    }
  }

  /** The alerts that are due at a time (ms, of any clock that does not go back). */
  due(now: number): Alert[] {
    if (this.#sums.size === 0 || now - this.#last < EVERY_MS) return [];
    this.#last = now;
    const alerts = [...this.#sums].map(([key, sum]) => this.#alert(key, sum));
    this.#sums.clear();
    return alerts;
  }

  #alert(key: string, { count, from, to }: Sum): Alert {
    const [stage = '', reason = '', ring = ''] = key.split(' ');
    const why = stage === 'queue' ? 'rules matched more than could be handled' : 'rules did not see them';
    const message = `${count} events were lost (stage=${stage} reason=${reason} ring=${ring}): ${why}`;
    const fields = {
      stage,
      reason,
      ring,
      count,
      // Bytes that are no record have no time.
      'lost.from': from === 0 ? null : this.#toEpoch(from),
      'lost.to': to === 0 ? null : this.#toEpoch(to),
    };
    return internalAlert({ rule: LOSS_RULE, priority: 3, message, fields }, this.#hostname);
  }
}
