import { readFile } from 'node:fs/promises';
import type { ObjectSchema } from '../engine/core/check-schema.ts';

/** How a TLS peer is checked and how we show who we are; files only, so that secrets never stand in the config. */
export interface TlsOptions {
  readonly ca_file?: string;
  readonly cert_file?: string;
  readonly key_file?: string;
  readonly server_name?: string;
  readonly verify: boolean;
}

const file = (description: string) => ({ type: 'string', minLength: 1, description }) as const;

export const tlsSchema = {
  type: 'object',
  description: 'TLS: all files are PEM; they are read again on SIGHUP.',
  additionalProperties: false,
  default: {},
  properties: {
    ca_file: file("Authorities to trust instead of the system's."),
    cert_file: file('Our certificate, for mutual TLS.'),
    key_file: file('Its key.'),
    server_name: file('Name that the certificate of the peer must carry, if not that of the address.'),
    verify: {
      type: 'boolean',
      default: true,
      description: 'false accepts any certificate: whoever sits on the path can read the alerts.',
    },
  },
} as const satisfies ObjectSchema;

export interface TlsMaterial {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly servername?: string;
  readonly rejectUnauthorized: boolean;
  readonly minVersion: 'TLSv1.2';
}

/** Reads the files. */
export async function loadTls(options: TlsOptions): Promise<TlsMaterial> {
  const [ca, cert, key] = await Promise.all(
    [options.ca_file, options.cert_file, options.key_file].map((path) => (path ? readFile(path) : undefined)),
  );
  return {
    ...(ca ? { ca } : {}),
    ...(cert ? { cert } : {}),
    ...(key ? { key } : {}),
    ...(options.server_name ? { servername: options.server_name } : {}),
    rejectUnauthorized: options.verify,
    minVersion: 'TLSv1.2',
  };
}

/** A secret from a file, without the line feed that editors leave. */
export async function readSecret(path: string): Promise<string> {
  const text = await readFile(path, 'utf8');
  return text.replace(/\r?\n$/, '');
}
