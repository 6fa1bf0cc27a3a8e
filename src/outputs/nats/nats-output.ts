import type { Alert } from '../../engine/core/alert.ts';
import { cloudEventHeaders } from '../formats/cloudevents.ts';
import { type Formatter, makeFormatter } from '../formats/formats.ts';
import { type Output, type OutputContext, SendError } from '../output.ts';
import { NatsClient, type OutgoingMessage } from './client.ts';
import type { NatsOutputConfig } from './options.ts';
import { ALERT_SUBJECTS, alertSubject } from './subject.ts';

const DAY_MS = 86_400_000;

/** Publishes with acknowledgement, or without in core mode. */
export class NatsOutput implements Output {
  readonly #config: NatsOutputConfig;
  readonly #client: NatsClient;
  readonly #format: Formatter;
  #streamChecked = false;

  constructor(config: NatsOutputConfig, context: OutputContext) {
    this.#config = config;
    this.#format = makeFormatter(config.format, config, context);
    this.#client = new NatsClient(config, `ringfence ${context.hostname}`, context.log);
  }

  async send(batch: readonly Alert[], signal: AbortSignal): Promise<void> {
    await this.#client.ready(signal);
    await this.#ensureStream();
    const step = this.#config.max_in_flight;
    for (let at = 0; at < batch.length; at += step)
      await this.#sendSome(batch.slice(at, at + step), at, signal);
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

  async #sendSome(alerts: readonly Alert[], before: number, signal: AbortSignal): Promise<void> {
    const all = alerts.map((alert) => this.#message(alert));
    const tooLarge = all.findIndex(({ payload }) => payload.length > this.#client.maxPayload);
    const messages = tooLarge < 0 ? all : all.slice(0, tooLarge);
    await this.#publish(messages, before, signal);
    if (tooLarge >= 0) {
      throw new SendError(`an alert is larger than the server's limit of ${this.#client.maxPayload} bytes`, {
        delivered: before + tooLarge,
        retryable: false,
      });
    }
  }

  async #publish(messages: readonly OutgoingMessage[], before: number, signal: AbortSignal): Promise<void> {
    const { mode, stream, ack_timeout_ms: timeout } = this.#config;
    try {
      if (mode === 'core') {
        await this.#client.publishCore(messages, signal);
        return;
      }
      const outcomes = await this.#client.publish(messages, stream, timeout, signal);
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
