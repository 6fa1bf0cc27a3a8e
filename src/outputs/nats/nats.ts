import type { Alert } from '../../engine/core/alert.ts';
import { cloudEventHeaders } from '../formats/cloudevents.ts';
import { type Formatter, makeFormatter } from '../formats/formats.ts';
import { type FormatOptions, formatSchema } from '../options.ts';
import { type Output, type OutputContext, type OutputType, SendError } from '../output.ts';
import { NatsClient, type OutgoingMessage } from './client.ts';
import { type NatsOptions, natsConnectionSchema } from './options.ts';
import { ALERT_SUBJECTS, alertSubject } from './subject.ts';

interface Config extends NatsOptions, FormatOptions {
  readonly mode: 'jetstream' | 'core';
  readonly stream: string;
  readonly max_in_flight: number;
  readonly ack_timeout_ms: number;
  readonly create_stream?: {
    readonly replicas: number;
    readonly max_age_days: number;
    readonly max_bytes: number;
    readonly duplicate_window_ms: number;
  };
}

const count = (description: string, value: number, minimum = 1) =>
  ({ type: 'integer', minimum, default: value, description }) as const;

/** NATS JetStream: acknowledged, deduplicated by the alert's uuid, kept on disk while the server is away. */
export const natsOutput = {
  type: 'nats',
  title: 'Publishes alerts to NATS, one subject per host, priority and rule; waits on disk while it is away.',
  queue: { batch: 256, policy: 'spill', writeAhead: true },
  schema: {
    type: 'object',
    properties: {
      ...formatSchema('falco_json'),
      ...natsConnectionSchema,
      mode: {
        type: 'string',
        enum: ['jetstream', 'core'],
        default: 'jetstream',
        description: '`core` has neither acknowledgement nor storage: who does not listen misses the alert.',
      },
      stream: {
        type: 'string',
        pattern: '^[A-Za-z0-9_-]+$',
        default: 'RINGFENCE_ALERTS',
        description: 'jetstream: the stream that must store the alerts.',
      },
      max_in_flight: count('Messages sent before the first is acknowledged.', 256),
      ack_timeout_ms: count('How long to wait for an acknowledgement.', 5000),
      create_stream: {
        type: 'object',
        description: 'Make the stream if it does not exist; usually its operator does.',
        additionalProperties: false,
        properties: {
          replicas: count('Copies.', 1),
          max_age_days: count('Alerts are kept so long.', 30),
          max_bytes: count('Most bytes; -1 = no limit.', -1, -1),
          duplicate_window_ms: count('Time in which a repeated alert is recognised.', 120_000, 100),
        },
      },
    },
  },
  async open(config: Config, context: OutputContext) {
    return new NatsOutput(config, context);
  },
} as const satisfies OutputType;

const DAY_MS = 86_400_000;

class NatsOutput implements Output {
  readonly #config: Config;
  readonly #client: NatsClient;
  readonly #format: Formatter;
  #streamChecked = false;

  constructor(config: Config, context: OutputContext) {
    this.#config = config;
    this.#format = makeFormatter(config.format, config, context);
    this.#client = new NatsClient(config, `ringfence ${context.hostname}`, context.log);
  }

  async send(batch: readonly Alert[], signal: AbortSignal): Promise<void> {
    await this.#client.ready(signal);
    await this.#ensureStream();
    const step = this.#config.max_in_flight;
    for (let at = 0; at < batch.length; at += step) await this.#sendSome(batch.slice(at, at + step), at);
  }

  async #ensureStream(): Promise<void> {
    const { create_stream: create, mode, stream } = this.#config;
    if (mode === 'core' || !create || this.#streamChecked) return;
    await this.#client.ensureStream({
      name: stream,
      subjects: [ALERT_SUBJECTS],
      replicas: create.replicas,
      maxAgeMs: create.max_age_days * DAY_MS,
      maxBytes: create.max_bytes,
      duplicateWindowMs: create.duplicate_window_ms,
    });
    this.#streamChecked = true;
  }

  async #sendSome(alerts: readonly Alert[], before: number): Promise<void> {
    const all = alerts.map((alert) => this.#message(alert));
    const tooLarge = all.findIndex(({ payload }) => payload.length > this.#client.maxPayload);
    const messages = tooLarge < 0 ? all : all.slice(0, tooLarge);
    await this.#publish(messages, before);
    if (tooLarge >= 0) {
      throw new SendError(`an alert is larger than the server's limit of ${this.#client.maxPayload} bytes`, {
        delivered: before + tooLarge,
        retryable: false,
      });
    }
  }

  async #publish(messages: readonly OutgoingMessage[], before: number): Promise<void> {
    const { mode, stream, ack_timeout_ms: timeout } = this.#config;
    try {
      if (mode === 'core') {
        await this.#client.publishCore(messages);
        return;
      }
      const outcomes = await this.#client.publish(messages, stream, timeout);
      // What came after the first failure is sent again too, in order; the server knows the ids it has.
      const failed = outcomes.findIndex((error) => error !== undefined);
      if (failed >= 0) {
        this.#streamChecked = false;
        throw new SendError(outcomes[failed]?.message ?? '', { delivered: before + failed });
      }
    } catch (error) {
      if (error instanceof SendError) throw error;
      throw new SendError(error instanceof Error ? error.message : String(error), { delivered: before });
    }
  }

  #message(alert: Alert): OutgoingMessage {
    return {
      subject: alertSubject(alert),
      id: alert.uuid,
      headers: cloudEventHeaders(alert),
      payload: Buffer.from(this.#format(alert)),
    };
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}
