import type { Worker } from 'node:worker_threads';
import type { Alert } from '../core/alert.ts';
import { AppError } from '../core/diagnostic.ts';
import type { Log } from '../core/log.ts';
import { applyMetrics, type MetricSink } from '../core/metrics.ts';
import type { CanaryChange, CanaryState } from '../pipeline/canary.ts';
import type { EngineReport, EngineSpec, FromEngine, ToEngine, Trouble } from './protocol.ts';
import { startEngineWorker } from './start-worker.ts';

export interface EngineHandlers {
  readonly alerts: (alerts: readonly Alert[]) => void;
  /** The sensors went blind, or see again. */
  readonly canary: (change: CanaryChange, state: CanaryState) => void;
  readonly log: Log;
  readonly metrics: MetricSink;
  /** The thread ended by itself. */
  readonly died: (error: Error) => void;
}

const STOP_MS = 5000;

/** What the engine thread refused or failed at; with the problems in rules where they are the reason. */
class EngineError extends AppError {
  readonly diagnostics: NonNullable<Trouble['diagnostics']>;
  constructor(trouble: Trouble) {
    super(trouble.code, trouble.message, {
      exitCode: trouble.exitCode,
      ...(trouble.help && { help: trouble.help }),
    });
    this.diagnostics = trouble.diagnostics ?? [];
  }
}

/** The main thread's view of the engine thread. */
export class EngineThread {
  readonly #worker: Worker;
  readonly #handlers: EngineHandlers;
  readonly #waiting = new Map<
    number,
    { resolve: (value: unknown) => void; reject: (error: Error) => void }
  >();
  readonly #taken = new Int32Array(new SharedArrayBuffer(4));
  #nextId = 1;
  #stopping = false;
  #started: { resolve: (report: EngineReport) => void; reject: (error: Error) => void } | undefined;
  #stopped: () => void = () => {};

  private constructor(worker: Worker, handlers: EngineHandlers) {
    this.#handlers = handlers;
    this.#worker = worker;
    this.#worker.on('message', (message: FromEngine) => this.#receive(message));
    this.#worker.on('error', (error) => this.#lost(error));
    this.#worker.on('exit', (code) => this.#lost(new Error(`the engine thread ended with code ${code}`)));
  }

  /** Starts what the thread is for; resolves when the sensors run. `worker`: the thread, if it loads already. */
  static async start(
    spec: EngineSpec,
    handlers: EngineHandlers,
    worker: Worker = startEngineWorker(),
  ): Promise<{ engine: EngineThread; report: EngineReport }> {
    worker.ref();
    const engine = new EngineThread(worker, handlers);
    try {
      const report = await new Promise<EngineReport>((resolve, reject) => {
        engine.#started = { resolve, reject };
        engine.#post({ type: 'start', spec, taken: engine.#taken });
      });
      engine.#started = undefined;
      return { engine, report };
    } catch (error) {
      engine.#stopping = true;
      await engine.#worker.terminate();
      throw error;
    }
  }

  /** Puts another state in force. Rejects, and leaves the old one, if anything is wrong with it. */
  reload(spec: EngineSpec): Promise<EngineReport> {
    return this.#request((id) => ({ type: 'reload', id, spec })) as Promise<EngineReport>;
  }

  /** Asks the thread (status, policy ...). */
  ask(question: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    return this.#request((id) => ({ type: 'ask', id, question, args }));
  }

  /** Detaches the sensors, lets the thread finish what it has, and ends it; at the latest after five seconds. */
  async stop(): Promise<void> {
    this.#stopping = true;
    const stopped = new Promise<void>((resolve) => {
      this.#stopped = resolve;
    });
    this.#post({ type: 'stop' });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<'late'>((resolve) => {
      timer = setTimeout(() => resolve('late'), STOP_MS);
    });
    if ((await Promise.race([stopped, late])) === 'late') {
      this.#handlers.log.warn({ code: 'E_ENGINE_STOP' }, 'the engine thread did not stop in time');
    }
    clearTimeout(timer);
    await this.#worker.terminate();
  }

  #request(make: (id: number) => ToEngine): Promise<unknown> {
    const id = this.#nextId++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#post(make(id));
    });
  }

  #post(message: ToEngine): void {
    this.#worker.postMessage(message);
  }

  #receive(message: FromEngine): void {
    switch (message.type) {
      case 'alerts':
        this.#handlers.alerts(message.alerts);
        Atomics.add(this.#taken, 0, message.alerts.length);
        break;
      case 'canary':
        this.#handlers.canary(message.change, message.state);
        break;
      case 'metrics':
        applyMetrics(this.#handlers.metrics, message.delta);
        break;
      case 'log':
        this.#handlers.log[message.level](message.fields, message.msg);
        break;
      case 'ready':
        this.#started?.resolve(message.report);
        break;
      case 'failed':
        this.#started?.reject(new EngineError(message.trouble));
        break;
      case 'answer':
        this.#settle(message.id)?.resolve(message.result);
        break;
      case 'refused':
        this.#settle(message.id)?.reject(new EngineError(message.trouble));
        break;
      case 'stopped':
        this.#stopped();
        break;
    }
  }

  #settle(id: number) {
    const entry = this.#waiting.get(id);
    this.#waiting.delete(id);
    return entry;
  }

  #lost(error: Error): void {
    this.#started?.reject(error);
    for (const entry of this.#waiting.values()) entry.reject(error);
    this.#waiting.clear();
    this.#stopped();
    if (!this.#stopping && !this.#started) this.#handlers.died(error);
    this.#stopping = true;
  }
}
