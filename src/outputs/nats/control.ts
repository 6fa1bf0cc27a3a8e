import type { Log } from '../../engine/core/log.ts';
import { NatsClient } from './client.ts';
import {
  type Command,
  encodeCommand,
  SIGNATURE_HEADER,
  signCommand,
  type Trust,
  verifyCommand,
} from './command.ts';
import type { NatsOptions } from './options.ts';
import { controlSubject } from './subject.ts';

export interface ControlOptions extends NatsOptions {
  readonly hostname: string;
  /** The verb to listen for, `deny`. */
  readonly verb: string;
  readonly trust: Trust;
}

/**
 * Listens for commands to this host and to all hosts. Only what is signed by someone trusted, is not expired and was
 * not seen before reaches the callback; everything else is logged and refused. Ends with the signal.
 */
export async function followCommands(
  options: ControlOptions,
  onCommand: (command: Command) => void | Promise<void>,
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const client = new NatsClient(options, `ringfence control ${options.hostname}`, log);
  const seen = new SeenIds();
  const listen = (target: string): Promise<void> =>
    client.subscribe(
      controlSubject(target, options.verb),
      ({ subject, payload, header }) => {
        const now = new Date();
        const result = verifyCommand(subject, payload, header(SIGNATURE_HEADER), options.trust, now);
        const refuse = (reason: string): void =>
          log.warn({ code: 'E_CONTROL_REFUSED', subject, reason }, 'command refused');
        if ('refused' in result) refuse(result.refused);
        else if (!seen.add(result.command, now)) refuse('it came before');
        else {
          Promise.resolve(onCommand(result.command)).catch((error: unknown) => {
            log.error({ code: 'E_CONTROL_FAILED', subject, err: error }, 'command failed');
          });
        }
      },
      signal,
    );
  try {
    await Promise.all([listen(options.hostname), listen('*')]);
  } finally {
    await client.close();
  }
}

/** Ids of commands until they expire: the same message twice is one command. */
class SeenIds {
  readonly #until = new Map<string, number>();

  add(command: Command, now: Date): boolean {
    for (const [id, until] of this.#until) if (until <= now.getTime()) this.#until.delete(id);
    if (this.#until.has(command.id)) return false;
    this.#until.set(command.id, command.expiresAt.getTime());
    return true;
  }
}

/** Sends a signed command to a host, or with host `*` to all; returns when the server has it. */
export async function publishCommand(
  options: NatsOptions,
  command: Command,
  by: { readonly secret: string } | { readonly seed: string },
  log: Log,
  signal: AbortSignal,
): Promise<void> {
  const client = new NatsClient(options, 'ringfence control', log);
  try {
    await client.ready(signal);
    const subject = controlSubject(command.host, command.verb);
    const payload = encodeCommand(command);
    const headers = { [SIGNATURE_HEADER]: signCommand(subject, payload, by) };
    await client.publishCore([{ subject, id: command.id, headers, payload }], signal);
  } finally {
    await client.close();
  }
}
