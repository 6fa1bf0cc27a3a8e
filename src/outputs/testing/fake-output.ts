import type { Alert } from '../../engine/core/alert.ts';
import { type Output, type OutputType, type QueueDefaults, SendError } from '../output.ts';

/** An output whose behaviour a test decides, attempt by attempt. */
export class FakeOutput implements Output {
  readonly batches: (readonly Alert[])[] = [];
  /** Called with each attempt; throws or waits as the test likes. Absent: everything is delivered. */
  behave:
    | ((batch: readonly Alert[], attempt: number, signal: AbortSignal) => Promise<void> | void)
    | undefined;
  attempts = 0;
  closed = 0;
  reopened = 0;

  async send(batch: readonly Alert[], signal: AbortSignal): Promise<void> {
    this.attempts++;
    try {
      await this.behave?.(batch, this.attempts, signal);
    } catch (error) {
      if (error instanceof SendError) this.batches.push(batch.slice(0, error.delivered));
      throw error;
    }
    this.batches.push(batch);
  }

  async reopen(): Promise<void> {
    this.reopened++;
  }

  async close(): Promise<void> {
    this.closed++;
  }

  /** The numbers of the alerts that were delivered. */
  get delivered(): number[] {
    return this.batches.flat().map((alert) => Number(alert.fields['test.number']));
  }

  /** A kind `fake` that opens this output. */
  kind(queue: Partial<QueueDefaults> = {}): OutputType {
    return {
      type: 'fake',
      title: 'For tests.',
      schema: { type: 'object', properties: {} },
      queue: { batch: 10, policy: 'drop_newest', ...queue },
      open: async () => this,
    };
  }
}
