import type { Alert } from '../engine/core/alert.ts';
import type { InternalNotice } from './internal-alert.ts';
import type { QueueOptions } from './options.ts';

type Options = NonNullable<QueueOptions['rate_limit']>;

interface Bucket {
  tokens: number;
  at: number;
  suppressed: number;
}

const LISTED = 10;

/**
 * A token bucket for each rule: a rule that floods is thinned out, and cannot be used to hide the alert of another.
 */
export class RateLimit {
  readonly #options: Options;
  readonly #buckets = new Map<string, Bucket>();
  #suppressed = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** True if the alert may pass; otherwise it is counted for the summary. `now` in milliseconds. */
  take(alert: Alert, now: number): boolean {
    const { alerts_per_second: rate, burst } = this.#options;
    let bucket = this.#buckets.get(alert.rule);
    if (!bucket) {
      bucket = { tokens: burst, at: now, suppressed: 0 };
      this.#buckets.set(alert.rule, bucket);
    }
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * rate);
    bucket.at = now;
    if (bucket.tokens >= 1) {
      bucket.tokens -= 1;
      return true;
    }
    bucket.suppressed++;
    this.#suppressed++;
    return false;
  }

  /** What was suppressed since the last summary, as an alert; undefined if nothing was. */
  summary(output: string): InternalNotice | undefined {
    if (this.#suppressed === 0) return undefined;
    const rules = [...this.#buckets].filter(([, bucket]) => bucket.suppressed > 0);
    rules.sort(([, a], [, b]) => b.suppressed - a.suppressed);
    const listed = rules.slice(0, LISTED).map(([rule, bucket]) => `${rule}: ${bucket.suppressed}`);
    if (rules.length > LISTED) listed.push(`${rules.length - LISTED} more rules`);
    const total = this.#suppressed;
    this.#suppressed = 0;
    for (const [, bucket] of rules) bucket.suppressed = 0;
    return {
      rule: 'Ringfence internal: alerts suppressed',
      priority: 4,
      message: `Rate limit of output ${output} suppressed ${total} alerts (${listed.join(', ')})`,
      fields: { output, suppressed: total, rules: listed },
    };
  }
}
