import { readFileSync } from 'node:fs';
import {
  type Authenticator,
  type ConnectionOptions,
  credsAuthenticator,
  nkeyAuthenticator,
  tokenAuthenticator,
  usernamePasswordAuthenticator,
} from 'nats';
import type { TlsOptions } from '../tls.ts';
import type { NatsOptions } from './options.ts';

/** How the package `nats` is to connect, and connect again. */
export function connectionOptions(options: NatsOptions, name: string): ConnectionOptions {
  const { url, tls } = options;
  const wantsTls = tls.enabled || url.includes('tls://');
  return {
    servers: url.split(',').map((server) => server.trim()),
    name,
    noEcho: true,
    maxReconnectAttempts: -1,
    reconnectTimeWait: 250,
    reconnectJitter: 250,
    reconnectJitterTLS: 500,
    pingInterval: 20_000,
    maxPingOut: 2,
    timeout: 5000,
    authenticator: authenticators(options),
    tls: wantsTls ? natsTls(tls) : null,
  };
}

/**
 * Files are named, not read: the package reads them at every connection, so a renewed certificate is taken up. Beyond
 * the members that it declares, options go to tls.connect as they are.
 */
function natsTls(options: TlsOptions): NonNullable<ConnectionOptions['tls']> {
  const { ca_file, cert_file, key_file, server_name, verify } = options;
  const further = { rejectUnauthorized: verify, ...(server_name ? { servername: server_name } : {}) };
  return {
    minVersion: 'TLSv1.2',
    ...further,
    ...(ca_file ? { caFile: ca_file } : {}),
    ...(cert_file ? { certFile: cert_file } : {}),
    ...(key_file ? { keyFile: key_file } : {}),
  } as NonNullable<ConnectionOptions['tls']>;
}

function authenticators(options: NatsOptions): Authenticator[] {
  const { creds_file, nkey_file, token_file, user, password_file } = options;
  const text = (path: string): string => readFileSync(path, 'utf8').trim();
  // Read at every connection, so that a rotated secret is taken up.
  const all: Authenticator[] = [];
  if (creds_file) all.push((nonce) => credsAuthenticator(readFileSync(creds_file))(nonce));
  if (nkey_file) all.push((nonce) => nkeyAuthenticator(Buffer.from(text(nkey_file)))(nonce));
  if (token_file) all.push((nonce) => tokenAuthenticator(text(token_file))(nonce));
  if (user) {
    all.push((nonce) => usernamePasswordAuthenticator(user, password_file ? text(password_file) : '')(nonce));
  }
  return all;
}
