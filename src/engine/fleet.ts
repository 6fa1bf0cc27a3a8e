import type { Entry } from '../outputs/audit/entry.ts';
import type { Command } from '../outputs/nats/command.ts';
import type { FleetConfig } from '../outputs/nats/options.ts';
import { readSecret } from '../outputs/tls.ts';
import { denyListRow, ENGINE } from './audit-rows.ts';
import { AppError, EXIT } from './core/diagnostic.ts';
import type { Log } from './core/log.ts';

/** The verb of commands about deny lists. */
export const DENY_VERB = 'deny';

/** What a fleet command may ask for; nothing that reads or that switches enforcement off. */
const ALLOWED = new Set(['deny.add', 'deny.remove', 'deny.import']);

export interface FleetDeps {
  readonly hostname: string;
  readonly log: Log;
  readonly ask: (question: string, args: Readonly<Record<string, unknown>>) => Promise<unknown>;
  readonly record: (row: Entry) => Promise<void>;
}

/** Follows signed commands over NATS and puts them to the deny list, as an operator on this host would. */
export class FleetControl {
  readonly #stop = new AbortController();
  readonly #deps: FleetDeps;
  #done: Promise<void> = Promise.resolve();

  private constructor(deps: FleetDeps) {
    this.#deps = deps;
  }

  /** Starts to listen; a server that is away is no error. Throws if nobody is trusted. */
  static async start(config: FleetConfig, deps: FleetDeps): Promise<FleetControl> {
    const secret = config.secret_file === undefined ? undefined : await readSecret(config.secret_file);
    if (!secret && config.trusted_nkeys.length === 0) {
      throw new AppError('E_FLEET', 'fleet: nobody is trusted, so no command could be accepted', {
        exitCode: EXIT.invalid,
        help: 'set fleet.secret_file or fleet.trusted_nkeys',
      });
    }
    // The package takes a while to load: only who uses it waits.
    const { followCommands } = await import('../outputs/nats/control.ts');
    const fleet = new FleetControl(deps);
    const log = deps.log.child({ component: 'fleet' });
    const trust = { secret, nkeys: config.trusted_nkeys };
    const options = { ...config, hostname: deps.hostname, verb: DENY_VERB, trust };
    fleet.#done = followCommands(options, (command) => fleet.#obey(command), log, fleet.#stop.signal);
    return fleet;
  }

  async #obey(command: Command): Promise<void> {
    const { question, args } = parseBody(command.body);
    const request = { ...args, source: `fleet ${command.id}` };
    const result = await this.#deps.ask(question, request);
    this.#deps.log.info({ command: command.id, question }, 'fleet command obeyed');
    const row = denyListRow(ENGINE, question, request, result);
    if (row) await this.#deps.record(row);
  }

  async close(): Promise<void> {
    this.#stop.abort();
    await this.#done;
  }
}

function parseBody(body: unknown): { question: string; args: Readonly<Record<string, unknown>> } {
  const { question, args } = (body ?? {}) as { question?: unknown; args?: unknown };
  if (typeof question !== 'string' || !ALLOWED.has(question)) {
    throw new AppError('E_FLEET', 'the command asks for nothing that a fleet may ask for');
  }
  if (args === null || typeof args !== 'object' || Array.isArray(args)) {
    throw new AppError('E_FLEET', 'the arguments of the command are no object');
  }
  return { question, args: args as Readonly<Record<string, unknown>> };
}
