import { join } from 'node:path';
import type { Alert } from '../engine/core/alert.ts';
import { AppError, EXIT } from '../engine/core/diagnostic.ts';
import type { Log } from '../engine/core/log.ts';
import type { MetricSink } from '../engine/core/metrics.ts';
import { type CompileCondition, compileFilter } from './filter.ts';
import type { QueueOptions } from './options.ts';
import type { OutputType } from './output.ts';
import { OutputQueue } from './queue.ts';
import { OUTPUT_TYPES } from './registry.ts';
import { FileSpool } from './spool/file-spool.ts';
import type { OutputStats } from './stats.ts';
import { checkOutput } from './validate.ts';

export interface OutputDeps {
  readonly hostname: string;
  readonly version: string;
  /** Folder for state that must outlive the process (spools). */
  readonly stateDir: string;
  readonly log: Log;
  readonly metrics: MetricSink;
  /** Kinds of output; the registry's if absent. */
  readonly types?: readonly OutputType[];
}

/** The section `outputs` of the configuration, by name; not necessarily validated. */
export type OutputsConfig = Readonly<Record<string, unknown>>;

const PUBLISH_MS = 1000;

/** All outputs of one engine. `emit` never waits: each output has its own queue and fails for itself. */
export class OutputManager {
  readonly #queues: readonly OutputQueue[];
  readonly #timer: NodeJS.Timeout;
  readonly #log: Log;

  private constructor(queues: readonly OutputQueue[], log: Log) {
    this.#queues = queues;
    this.#log = log;
    this.#timer = setInterval(() => this.publish(), PUBLISH_MS).unref();
  }

  /**
   * Opens every enabled output. Throws an AppError if an entry is wrong or cannot work on this machine; a peer that
   * does not answer is no error: its alerts wait.
   */
  static async open(config: OutputsConfig, deps: OutputDeps): Promise<OutputManager> {
    const queues: OutputQueue[] = [];
    try {
      for (const [name, entry] of Object.entries(config)) {
        // The audit is no output: the engine writes it before anything comes here.
        if (name === 'audit') continue;
        const queue = await openQueue(name, entry, deps);
        if (queue) queues.push(queue);
      }
    } catch (error) {
      await Promise.all(queues.map((queue) => queue.close(0)));
      throw error;
    }
    return new OutputManager(queues, deps.log);
  }

  /** Hands alerts to every output's queue. Synchronous; neither waits nor throws. */
  emit(alerts: Alert | readonly Alert[]): void {
    const list = Array.isArray(alerts) ? (alerts as readonly Alert[]) : [alerts as Alert];
    for (const queue of this.#queues) for (const alert of list) queue.offer(alert);
  }

  /** SIGHUP: files and secrets are opened anew. An output that cannot is logged and keeps what it had. */
  async reopen(): Promise<void> {
    await Promise.all(
      this.#queues.map((queue) =>
        queue.reopen().catch((error: unknown) => {
          this.#log.error({ code: 'E_OUTPUT_REOPEN', output: queue.name, err: error }, 'could not reopen');
        }),
      ),
    );
  }

  /** Takes no more alerts and sends those that wait, all outputs at once, for at most so long. */
  async close(deadlineMs: number): Promise<void> {
    clearInterval(this.#timer);
    await Promise.all(this.#queues.map((queue) => queue.close(deadlineMs)));
  }

  /** Brings the metrics up to date; happens by itself once a second. */
  publish(): void {
    for (const queue of this.#queues) queue.publish();
  }

  stats(): OutputStats[] {
    return this.#queues.map((queue) => queue.stats());
  }
}

async function openQueue(name: string, entry: unknown, deps: OutputDeps): Promise<OutputQueue | undefined> {
  const checked = checkOutput(name, entry, deps.types ?? OUTPUT_TYPES);
  if (!('config' in checked)) {
    const text = checked.problems.map((problem) => problem.message).join('; ');
    throw new AppError('E_OUTPUT_CONFIG', text, { exitCode: EXIT.invalid });
  }
  const { kind, config } = checked;
  if (!config.enabled) return undefined;
  const log = deps.log.child({ component: `output ${name}` });
  const filter = compileFilter(config.filter, await ruleLanguage(config));
  const spool =
    config.queue.policy === 'spill' ? await openSpool(name, config, deps.stateDir, log) : undefined;
  try {
    const { hostname, version, stateDir, metrics } = deps;
    const output = await kind.open(config as never, { name, hostname, version, stateDir, log });
    return new OutputQueue(output, config, { name, hostname, log, metrics, filter, spool });
  } catch (error) {
    await spool?.close();
    if (error instanceof AppError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new AppError('E_OUTPUT_OPEN', `output ${name} cannot be opened: ${reason}`, { cause: error });
  }
}

/** What a disk says that is full or broken: nothing that the one who wrote the configuration could mend there. */
const DISK: ReadonlySet<unknown> = new Set(['ENOSPC', 'EDQUOT', 'EROFS', 'EIO']);

/** The spool of an output; undefined if the disk takes none: alerts that go out unsaved are better than no engine. */
async function openSpool(
  name: string,
  { spool }: QueueOptions,
  stateDir: string,
  log: Log,
): Promise<FileSpool | undefined> {
  const folder = spool.path ?? join(stateDir, 'spool', name);
  try {
    return await FileSpool.open(folder, spool, log);
  } catch (error) {
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (!DISK.has(code)) {
      throw new AppError('E_OUTPUT_OPEN', `output ${name} cannot keep its spool in ${folder}: ${message}`, {
        help: `give a folder that can be written in outputs.${name}.spool.path`,
        cause: error,
      });
    }
    log.error(
      { code: 'E_SPOOL_OPEN', folder, err: error },
      'no spool until the next start: alerts that cannot be sent wait in memory only',
    );
    return undefined;
  }
}

/** Loaded only if there is a condition: the thread of the outputs needs nothing else of the rule language. */
async function ruleLanguage({ filter }: QueueOptions): Promise<CompileCondition> {
  if (filter.condition === undefined) return () => () => true;
  const { compileAlertCondition } = await import('./condition.ts');
  return compileAlertCondition;
}
