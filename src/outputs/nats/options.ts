import type { ObjectSchema, Schema } from '../../engine/core/check-schema.ts';
import type { FormatOptions } from '../options.ts';
import { type TlsOptions, tlsSchema } from '../tls.ts';

/** How to reach NATS; the same for alerts that go out and commands that come in. */
export interface NatsOptions {
  readonly url: string;
  readonly creds_file?: string;
  readonly nkey_file?: string;
  readonly token_file?: string;
  readonly user?: string;
  readonly password_file?: string;
  readonly tls: TlsOptions & { readonly enabled: boolean };
}

/** Options of the output. */
export interface NatsOutputConfig extends NatsOptions, FormatOptions {
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

const file = (description: string) => ({ type: 'string', minLength: 1, description }) as const;

export const natsConnectionSchema = {
  url: {
    type: 'string',
    minLength: 1,
    default: 'nats://127.0.0.1:4222',
    description: 'Servers, separated by commas; `tls://` asks for TLS.',
  },
  creds_file: file('Credentials file (JWT and seed).'),
  nkey_file: file('File with the seed of an nkey.'),
  token_file: file('File with a token.'),
  user: file('User name.'),
  password_file: file('File with the password.'),
  tls: {
    ...tlsSchema,
    properties: {
      enabled: { type: 'boolean', default: false, description: 'Refuse a connection without TLS.' },
      ...tlsSchema.properties,
    },
  },
} as const satisfies Readonly<Record<string, Schema>>;

/** Commands from a fleet. */
export interface FleetConfig extends NatsOptions {
  readonly enabled: boolean;
  readonly secret_file?: string;
  readonly trusted_nkeys: readonly string[];
}

export const fleetSchema = {
  type: 'object',
  description: 'Signed deny-list commands over NATS, for this host or for all (`ringfence deny push`).',
  additionalProperties: false,
  default: {},
  properties: {
    enabled: { type: 'boolean', default: false, description: 'Whether commands are taken.' },
    secret_file: file('File with the secret that signs commands (HMAC-SHA-256).'),
    trusted_nkeys: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Public nkeys whose commands are taken.',
    },
    ...natsConnectionSchema,
  },
} as const satisfies ObjectSchema;
