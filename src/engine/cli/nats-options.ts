import type { Command } from 'commander';
import type { NatsOptions } from '../../outputs/nats/options.ts';
import { usage } from './options.ts';

/** Options of commands that speak to NATS. */
export interface NatsFlags {
  readonly nats?: string;
  readonly credsFile?: string;
  readonly nkeyFile?: string;
  readonly tokenFile?: string;
  readonly user?: string;
  readonly passwordFile?: string;
  readonly tls?: boolean;
  readonly caFile?: string;
  readonly certFile?: string;
  readonly keyFile?: string;
}

/** Adds them to a command. */
export function withNats(command: Command): Command {
  return command
    .option('--nats <url>', 'the NATS servers, separated by commas')
    .option('--creds-file <path>', 'credentials file')
    .option('--nkey-file <path>', 'file with an nkey seed')
    .option('--token-file <path>', 'file with a token')
    .option('--user <name>', 'user name')
    .option('--password-file <path>', 'file with the password')
    .option('--tls', 'refuse a connection without TLS')
    .option('--ca-file <path>', 'authorities to trust')
    .option('--cert-file <path>', 'our certificate')
    .option('--key-file <path>', 'its key');
}

/** How to connect, from the flags. */
export function natsOptions(flags: NatsFlags): NatsOptions {
  if (!flags.nats) throw usage('--nats URL is needed: the NATS servers to speak to');
  const { credsFile, nkeyFile, tokenFile, user, passwordFile, caFile, certFile, keyFile } = flags;
  return {
    url: flags.nats,
    ...(credsFile ? { creds_file: credsFile } : {}),
    ...(nkeyFile ? { nkey_file: nkeyFile } : {}),
    ...(tokenFile ? { token_file: tokenFile } : {}),
    ...(user ? { user } : {}),
    ...(passwordFile ? { password_file: passwordFile } : {}),
    tls: {
      enabled: flags.tls === true || caFile !== undefined || certFile !== undefined,
      verify: true,
      ...(caFile ? { ca_file: caFile } : {}),
      ...(certFile ? { cert_file: certFile } : {}),
      ...(keyFile ? { key_file: keyFile } : {}),
    },
  };
}
