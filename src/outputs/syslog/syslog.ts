import type { Alert } from '../../engine/core/alert.ts';
import { type Formatter, makeFormatter } from '../formats/formats.ts';
import {
  FACILITIES,
  rfc3164Local,
  rfc5424,
  SYSLOG_DEFAULTS,
  type SyslogOptions,
} from '../formats/rfc5424.ts';
import { type FormatOptions, formatSchema } from '../options.ts';
import type { Output, OutputContext, OutputType } from '../output.ts';
import { type TlsOptions, tlsSchema } from '../tls.ts';
import { LocalTransport, UdpTransport } from './datagram.ts';
import { StreamTransport } from './stream.ts';
import type { Transport } from './transport.ts';

interface Config extends FormatOptions {
  readonly transport: 'local' | 'udp' | 'tcp' | 'tls';
  readonly path: string;
  readonly host: string;
  readonly port?: number;
  readonly facility: string;
  readonly app_name: string;
  readonly structured_data: boolean;
  readonly enterprise_number: number;
  readonly max_bytes: number;
  readonly tls: TlsOptions;
}

const shared = formatSchema('falco_text');

/** Syslog: RFC 5424 over the network, the local daemon's own form over /dev/log. */
export const syslogOutput = {
  type: 'syslog',
  title:
    'Sends alerts to syslog: RFC 5424 over UDP, TCP or TLS (octet counting), or the local socket /dev/log.',
  queue: { batch: 128, policy: 'drop_newest' },
  schema: {
    type: 'object',
    properties: {
      ...shared,
      format: {
        type: 'string',
        enum: (shared.format?.enum ?? []).filter((name) => name !== 'rfc5424'),
        default: 'falco_text',
        description: 'Form of the text of a message.',
      },
      transport: {
        type: 'string',
        enum: ['local', 'udp', 'tcp', 'tls'],
        default: 'local',
        description: 'How to reach the receiver.',
      },
      path: { type: 'string', default: '/dev/log', description: 'local: the socket.' },
      host: { type: 'string', default: '127.0.0.1', description: 'udp, tcp, tls: the receiver.' },
      port: {
        type: 'integer',
        minimum: 1,
        maximum: 65_535,
        description: 'udp, tcp, tls: its port; 514, with TLS 6514.',
      },
      facility: { type: 'string', enum: FACILITIES, default: 'user', description: 'Syslog facility.' },
      app_name: { type: 'string', minLength: 1, default: 'ringfence', description: 'APP-NAME, or tag.' },
      structured_data: {
        type: 'boolean',
        default: true,
        description: 'Structured data with uuid, rule, guarantee, tier and boot id (not with `local`).',
      },
      enterprise_number: {
        type: 'integer',
        minimum: 1,
        default: SYSLOG_DEFAULTS.enterpriseNumber,
        description: 'Private enterprise number in the name of the structured data.',
      },
      max_bytes: {
        type: 'integer',
        minimum: 480,
        default: 8192,
        description: 'Longer messages are cut at a character.',
      },
      tls: tlsSchema,
    },
  },
  async open(config: Config, context: OutputContext) {
    return new SyslogOutput(config, makeTransport(config), makeFormatter(config.format, config, context));
  },
} as const satisfies OutputType;

function makeTransport(config: Config): Transport {
  const { transport, host, max_bytes: max } = config;
  const port = config.port ?? (transport === 'tls' ? 6514 : 514);
  if (transport === 'local') return new LocalTransport(config.path, max);
  if (transport === 'udp') return new UdpTransport(host, port, max);
  return new StreamTransport({ host, port, tls: transport === 'tls' ? config.tls : undefined }, max);
}

class SyslogOutput implements Output {
  readonly #transport: Transport;
  readonly #message: Formatter;

  constructor(config: Config, transport: Transport, text: Formatter) {
    const options: SyslogOptions = {
      facility: config.facility,
      appName: config.app_name,
      processId: String(process.pid),
      structuredData: config.structured_data,
      enterpriseNumber: config.enterprise_number,
    };
    const wrap = config.transport === 'local' ? rfc3164Local : rfc5424;
    this.#transport = transport;
    this.#message = (alert) => wrap(alert, text(alert), options);
  }

  send(batch: readonly Alert[], signal: AbortSignal): Promise<void> {
    const messages = batch.map((alert) => cut(Buffer.from(this.#message(alert)), this.#transport.maxBytes));
    return this.#transport.send(messages, signal);
  }

  close(): Promise<void> {
    return this.#transport.close();
  }
}

/** Cuts before the first byte of a character. */
function cut(message: Buffer, max: number): Buffer {
  if (message.length <= max) return message;
  let end = max;
  while (end > 0 && ((message[end] ?? 0) & 0xc0) === 0x80) end--;
  return message.subarray(0, end);
}
