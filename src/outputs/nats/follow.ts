import type { Log } from '../../engine/core/log.ts';
import { escapeActive } from '../../engine/core/terminal.ts';
import { NatsClient } from './client.ts';
import type { NatsOptions } from './options.ts';
import { alertFilter } from './subject.ts';

export interface FollowOptions extends NatsOptions {
  readonly stream?: string;
  /** `*` = all hosts. */
  readonly host: string;
  readonly priority?: string;
  readonly rule?: string;
  /** Name under which the server keeps our place; without it every call begins anew. */
  readonly durable?: string;
  /** Where to begin; of a durable consumer only the first time. */
  readonly from?: 'new' | 'all' | Date;
}

/** An alert from the stream. */
export interface FollowedAlert {
  readonly uuid: string;
  readonly subject: string;
  readonly sequence: number;
  /** One line of JSON as it was sent, safe to print on a terminal. */
  readonly json: string;
  /** The same parsed; integers beyond 2^53 lose digits here, not in `json`. */
  readonly document: Readonly<Record<string, unknown>>;
}

/**
 * Alerts of a fleet, as they come, until the signal. An alert is acknowledged when the caller asks for the next or ends
 * the loop, so a durable reader that dies in between gets it again.
 */
export async function* followAlerts(
  options: FollowOptions,
  log: Log,
  signal: AbortSignal,
): AsyncGenerator<FollowedAlert> {
  const client = new NatsClient(options, 'ringfence alerts', log);
  try {
    const settings = {
      stream: options.stream ?? 'RINGFENCE_ALERTS',
      filter: alertFilter(options.host, options.priority, options.rule),
      durable: options.durable,
      from: options.from ?? 'new',
    };
    for await (const message of client.consume(settings, signal)) {
      const alert = parse(message.subject, message.sequence, Buffer.from(message.payload).toString('utf8'));
      if (!alert)
        log.warn({ code: 'E_NATS_NO_ALERT', sequence: message.sequence }, 'skipped what is no alert');
      try {
        if (alert) yield alert;
      } finally {
        // Also of the last that the caller wanted.
        message.ack();
      }
    }
  } finally {
    await client.close();
  }
}

function parse(subject: string, sequence: number, text: string): FollowedAlert | undefined {
  try {
    const document: unknown = JSON.parse(text);
    if (document === null || typeof document !== 'object' || Array.isArray(document)) return undefined;
    const { uuid } = document as { uuid?: unknown };
    return {
      uuid: typeof uuid === 'string' ? uuid : '',
      subject,
      sequence,
      json: printable(text),
      document: document as Record<string, unknown>,
    };
  } catch {
    return undefined;
  }
}

/** Valid JSON as one line that is safe on a terminal. */
const printable = (json: string): string => escapeActive(json).replace(/[\t\r\n]+/g, ' ');
