import {
  AckPolicy,
  connect,
  DeliverPolicy,
  DiscardPolicy,
  headers,
  type JetStreamClient,
  type JsMsg,
  type NatsConnection,
  NatsError,
  nanos,
  RetentionPolicy,
  StorageType,
} from 'nats';
import type { Log } from '../../engine/core/log.ts';
import { delay, Signal, settledWithin } from '../async.ts';
import { Backoff } from '../backoff.ts';
import { connectionOptions } from './connection.ts';
import { explain, permanent } from './errors.ts';
import type { NatsOptions } from './options.ts';

export interface OutgoingMessage {
  readonly subject: string;
  readonly id: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly payload: Uint8Array;
}

export interface StreamSettings {
  readonly name: string;
  readonly subjects: readonly string[];
  readonly replicas: number;
  readonly maxAgeMs: number;
  readonly maxBytes: number;
  readonly duplicateWindowMs: number;
}

export interface IncomingMessage {
  readonly subject: string;
  readonly payload: Uint8Array;
  header(name: string): string | undefined;
}

export interface StreamMessage extends IncomingMessage {
  readonly sequence: number;
  ack(): void;
}

export interface ConsumerSettings {
  readonly stream: string;
  readonly filter: string;
  /** Named: its place is kept by the server between runs. */
  readonly durable?: string | undefined;
  /** Where a new consumer begins. */
  readonly from: 'new' | 'all' | Date;
}

const FLUSH_MS = 1000;

/** A connection that is made, and made again, for as long as the client lives. Nothing is sent while it is down. */
export class NatsClient {
  readonly #options: NatsOptions;
  readonly #name: string;
  readonly #log: Log;
  readonly #closed = new AbortController();
  readonly #changed = new Signal();
  #connection: NatsConnection | undefined;
  #up = false;
  #lastError = 'not connected yet';

  constructor(options: NatsOptions, name: string, log: Log) {
    this.#options = options;
    this.#name = name;
    this.#log = log;
    void this.#connectForever();
  }

  get connected(): boolean {
    return this.#up;
  }

  /** Waits for the connection; rejects when the signal comes first. */
  async ready(signal?: AbortSignal): Promise<void> {
    while (!this.#up) {
      if (this.#closed.signal.aborted) throw new Error('the NATS client is closed');
      if (signal?.aborted) throw new Error(`no connection to NATS: ${this.#lastError}`);
      const stop = (): void => this.#changed.notify();
      signal?.addEventListener('abort', stop, { once: true });
      await this.#changed.wait();
      signal?.removeEventListener('abort', stop);
    }
  }

  async #connectForever(): Promise<void> {
    const backoff = new Backoff(100, 10_000);
    while (!this.#closed.signal.aborted) {
      try {
        const connection = await connect(connectionOptions(this.#options, this.#name));
        backoff.reset();
        await this.#watch(connection);
      } catch (error) {
        this.#fail(error);
      }
      await delay(backoff.next(), this.#closed.signal);
    }
  }

  /** Runs while the connection exists; nats reconnects by itself within that time. */
  async #watch(connection: NatsConnection): Promise<void> {
    if (this.#closed.signal.aborted) return connection.close();
    this.#connection = connection;
    this.#set(true);
    for await (const status of connection.status()) {
      const type: string = status.type;
      if (type === 'disconnect') this.#set(false);
      else if (type === 'reconnect') this.#set(true);
      else if (type === 'error') this.#fail(new Error(String(status.data)));
    }
    this.#connection = undefined;
    this.#set(false);
    const error = await connection.closed();
    if (error) this.#fail(error);
  }

  #set(up: boolean): void {
    if (up !== this.#up) this.#log.info({ nats: this.#options.url }, up ? 'connected' : 'connection lost');
    this.#up = up;
    this.#changed.notify();
  }

  #fail(error: unknown): void {
    this.#lastError = error instanceof Error ? error.message : String(error);
    this.#log.warn({ code: 'E_NATS_CONNECTION', error: this.#lastError }, 'NATS connection');
  }

  /** Largest payload that the server takes. */
  get maxPayload(): number {
    return this.#connection?.info?.max_payload ?? 1024 * 1024;
  }

  #js(): JetStreamClient {
    if (!this.#connection || !this.#up) throw new Error(`no connection to NATS: ${this.#lastError}`);
    return this.#connection.jetstream();
  }

  /**
   * Publishes to a stream and waits for each acknowledgement. Gives the outcome of each message: undefined if the
   * stream holds it, otherwise the error. Ends at once when the connection breaks or the signal comes.
   */
  async publish(
    messages: readonly OutgoingMessage[],
    stream: string,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<readonly (Error | undefined)[]> {
    const js = this.#js();
    const down = this.#untilDown(signal);
    const outcomes = await Promise.all(
      messages.map((message) =>
        Promise.race([
          js.publish(message.subject, message.payload, {
            msgID: message.id,
            expect: { streamName: stream },
            headers: natsHeaders(message.headers),
            timeout: timeoutMs,
          }),
          down.promise,
        ]).then(
          () => undefined,
          (error: unknown) => explain(error),
        ),
      ),
    );
    down.cancel();
    return outcomes;
  }

  /** Publishes without a stream; returns when the server has read everything. */
  async publishCore(messages: readonly OutgoingMessage[], signal: AbortSignal): Promise<void> {
    this.#js();
    const connection = this.#connection as NatsConnection;
    for (const { subject, payload, headers: own } of messages) {
      connection.publish(subject, payload, { headers: natsHeaders(own) });
    }
    const down = this.#untilDown(signal);
    try {
      await Promise.race([connection.flush(), down.promise]);
    } finally {
      down.cancel();
    }
  }

  /** A promise that rejects when the connection is lost or the signal comes. */
  #untilDown(signal: AbortSignal): { promise: Promise<never>; cancel: () => void } {
    const wake = (): void => this.#changed.notify();
    signal.addEventListener('abort', wake, { once: true });
    let live = true;
    const promise = (async (): Promise<never> => {
      while (live && this.#up && !signal.aborted) await this.#changed.wait();
      throw signal.aborted ? signal.reason : new Error('the connection to NATS was lost');
    })();
    promise.catch(() => {});
    return {
      promise,
      cancel: () => {
        live = false;
        signal.removeEventListener('abort', wake);
        wake();
      },
    };
  }

  /** Makes the stream if it does not exist; leaves an existing one as its operator made it. */
  async ensureStream(settings: StreamSettings): Promise<'made' | 'exists'> {
    this.#js();
    const manager = await (this.#connection as NatsConnection).jetstreamManager();
    if (await this.hasStream(settings.name)) return 'exists';
    await manager.streams.add({
      name: settings.name,
      subjects: [...settings.subjects],
      storage: StorageType.File,
      retention: RetentionPolicy.Limits,
      discard: DiscardPolicy.Old,
      num_replicas: settings.replicas,
      max_age: nanos(settings.maxAgeMs),
      max_bytes: settings.maxBytes,
      duplicate_window: nanos(settings.duplicateWindowMs),
    });
    return 'made';
  }

  async hasStream(name: string): Promise<boolean> {
    this.#js();
    const manager = await (this.#connection as NatsConnection).jetstreamManager();
    try {
      await manager.streams.info(name);
      return true;
    } catch (error) {
      if (error instanceof NatsError && error.api_error?.code === 404) return false;
      throw error;
    }
  }

  /**
   * Messages of a stream, each to be acknowledged, until the signal; survives lost connections. What was fetched ahead
   * and not asked for is given back at the end, so that the next reader need not wait for it.
   */
  async *consume(settings: ConsumerSettings, signal: AbortSignal): AsyncGenerator<StreamMessage> {
    while (!signal.aborted) {
      const fetched: JsMsg[] = [];
      let taken: JsMsg | undefined;
      try {
        await this.ready(signal);
        const arrived = new Signal();
        const messages = await this.#fetch(settings, (message) => {
          fetched.push(message);
          arrived.notify();
        });
        let ended = false;
        const stop = (): void => {
          ended = true;
          arrived.notify();
        };
        signal.addEventListener('abort', stop, { once: true });
        void messages.closed().then(stop);
        try {
          while (!ended || (fetched.length > 0 && !signal.aborted)) {
            taken = fetched.shift();
            if (taken) yield streamMessage(taken);
            else await arrived.wait();
          }
        } finally {
          signal.removeEventListener('abort', stop);
          messages.stop();
          // Without effect on what was acknowledged.
          for (const message of [taken, ...fetched]) message?.nak();
        }
      } catch (error) {
        if (signal.aborted || permanent(error)) throw explain(error);
        this.#fail(error);
        await delay(1000, signal);
      }
    }
  }

  async #fetch({ stream, filter, durable, from }: ConsumerSettings, callback: (message: JsMsg) => void) {
    const manager = await (this.#connection as NatsConnection).jetstreamManager();
    const start =
      from instanceof Date
        ? { deliver_policy: DeliverPolicy.StartTime, opt_start_time: from.toISOString() }
        : { deliver_policy: from === 'all' ? DeliverPolicy.All : DeliverPolicy.New };
    const existing = durable
      ? await manager.consumers.info(stream, durable).catch(() => undefined)
      : undefined;
    // A durable consumer keeps its place; where to begin is asked only of a new one.
    const info =
      existing?.config.filter_subject === filter
        ? existing
        : await manager.consumers.add(stream, {
            ...(durable ? { durable_name: durable } : { inactive_threshold: nanos(300_000) }),
            ...(existing ? { ...existing.config } : start),
            filter_subject: filter,
            ack_policy: AckPolicy.Explicit,
            ack_wait: nanos(30_000),
            max_ack_pending: 1000,
          });
    const consumer = await this.#js().consumers.get(stream, info.name);
    return consumer.consume({ max_messages: 256, callback });
  }

  /** Calls back for each message on a subject until the signal, also after a new connection. */
  async subscribe(
    subject: string,
    each: (message: IncomingMessage) => void,
    signal: AbortSignal,
  ): Promise<void> {
    while (!signal.aborted) {
      try {
        await this.ready(signal);
        const subscription = (this.#connection as NatsConnection).subscribe(subject);
        const stop = (): void => subscription.unsubscribe();
        signal.addEventListener('abort', stop, { once: true });
        for await (const { subject: name, data, headers: h } of subscription) {
          each({ subject: name, payload: data, header: (key) => h?.get(key) || undefined });
        }
        signal.removeEventListener('abort', stop);
      } catch (error) {
        if (!signal.aborted) this.#fail(error);
      }
      await delay(500, signal);
    }
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#changed.notify();
    // nats takes its listeners off the socket when it closes. If the server has just gone, a write of a moment ago
    // still has its error to come, and that would end the process.
    await new Promise(setImmediate);
    // What was acknowledged a moment ago has still to go out.
    if (this.#up && this.#connection) await settledWithin(this.#connection.flush(), FLUSH_MS).catch(() => {});
    await this.#connection?.close();
  }
}

function natsHeaders(own: Readonly<Record<string, string>>) {
  const out = headers();
  for (const [key, value] of Object.entries(own)) out.set(key, value);
  return out;
}

function streamMessage(message: JsMsg): StreamMessage {
  return {
    subject: message.subject,
    payload: message.data,
    sequence: message.seq,
    header: (key) => message.headers?.get(key) || undefined,
    ack: () => message.ack(),
  };
}
