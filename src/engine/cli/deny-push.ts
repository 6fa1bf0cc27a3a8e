import { randomUUID } from 'node:crypto';
import { readSecret } from '../../outputs/tls.ts';
import { AppError } from '../core/diagnostic.ts';
import { createLog } from '../core/log.ts';
import { DENY_VERB } from '../fleet.ts';
import { type NatsFlags, natsOptions } from './nats-options.ts';
import { duration, usage } from './options.ts';

/** Options of `deny push` beside those of the entry. */
export interface PushOptions extends NatsFlags {
  readonly host: string;
  readonly secretFile?: string;
  readonly signFile?: string;
  readonly valid: string;
  readonly remove?: boolean;
}

const CONNECT_MS = 10_000;

/** Sends an entry, or its removal, as a signed command; gives the id of the command. */
export async function pushDeny(
  target: string,
  options: PushOptions,
  entry: Readonly<Record<string, unknown>>,
): Promise<string> {
  const connection = natsOptions(options);
  // Hosts would refuse it, and nobody would be told.
  const { parseScope, parseTarget } = await import('../../enforce/deny/deny-entry.ts');
  parseScope(entry.scope as string | undefined);
  if (!(options.remove && /^\d+$/.test(target))) parseTarget({ target, ...entry });
  const valid = duration('--valid', options.valid);
  const by = await signer(options);
  const { publishCommand } = await import('../../outputs/nats/control.ts');
  const issuedAt = new Date();
  const body = options.remove
    ? { question: 'deny.remove', args: { what: target } }
    : { question: 'deny.add', args: { target, ...entry } };
  const expiresAt = new Date(issuedAt.getTime() + valid);
  const command = { id: randomUUID(), host: options.host, verb: DENY_VERB, issuedAt, expiresAt, body };
  const log = createLog({ level: 'warn' });
  try {
    await publishCommand(connection, command, by, log, AbortSignal.timeout(CONNECT_MS));
  } catch (error) {
    throw new AppError('E_NATS_CONNECTION', (error as Error).message, {
      help: 'check --nats, the credentials and TLS',
      cause: error,
    });
  }
  return command.id;
}

async function signer({ secretFile, signFile }: PushOptions): Promise<{ secret: string } | { seed: string }> {
  if (secretFile) return { secret: await readSecret(secretFile) };
  if (signFile) return { seed: await readSecret(signFile) };
  throw usage('--secret-file or --sign-file is needed: hosts take signed commands only');
}
