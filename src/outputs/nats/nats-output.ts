import type { Alert } from '../../engine/core/alert.ts';
import { cloudEventHeaders } from '../formats/cloudevents.ts';
import { type Formatter, makeFormatter } from '../formats/formats.ts';
import { type Output, type OutputContext, SendError } from '../output.ts';
import { NatsClient, type OutgoingMessage } from './client.ts';
import { tooLargeForStream } from './errors.ts';
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
    const oversized = all.findIndex(
      (message) => sizeOf(message, this.#config.stream) > this.#client.maxPayload,
    );
    const messages = oversized < 0 ? all : all.slice(0, oversized);
    await this.#publish(messages, before, signal);
    if (oversized >= 0) {
      throw new SendError(`an alert is larger than the server's limit of ${this.#client.maxPayload} bytes`, {
        delivered: before + oversized,
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
        const error = outcomes[failed];
        const retryable = !tooLargeForStream(error);
        if (retryable) this.#streamChecked = false;
        throw new SendError(error?.message ?? '', { delivered: before + failed, retryable });
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

/** What the server's limit is about: payload and headers, with those that JetStream adds, each in a line of its own. */
function sizeOf({ payload, id, headers }: OutgoingMessage, stream: string): number {
  const lines = { ...headers, 'Nats-Msg-Id': id, 'Nats-Expected-Stream': stream };
  const text = Object.entries(lines).map(([key, value]) => `${key}: ${value}\r\n`);
  return payload.length + Buffer.byteLength(`NATS/1.0\r\n${text.join('')}\r\n`);
}
