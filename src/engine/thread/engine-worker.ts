import { setPriority } from 'node:os';
import { parentPort } from 'node:worker_threads';
import { AppError } from '../core/diagnostic.ts';
import type { EngineCore, Prepared } from './engine-core.ts';
import { beginSensors } from './engine-sensors.ts';
import { Outbox } from './outbox.ts';
import type { EngineSpec, FromEngine, ToEngine, Trouble } from './protocol.ts';

// The engine thread: owns the kernel's side, evaluates, and hands alerts to the main thread.

const post = (message: FromEngine): void => parentPort?.postMessage(message);
let outbox: Outbox | undefined;
const send = (message: FromEngine): void => {
  if (message.type === 'alerts') outbox?.send(message.alerts);
  else post(message);
};

const troubleOf = (error: unknown): Trouble => {
  if (!(error instanceof AppError)) {
    return {
      code: 'E_INTERNAL',
      message: error instanceof Error ? (error.stack ?? error.message) : String(error),
      exitCode: 1,
    };
  }
  const { code, message, exitCode, help } = error;
  const diagnostics =
    'diagnostics' in error ? (error.diagnostics as NonNullable<Trouble['diagnostics']>) : [];
  return { code, message, exitCode, diagnostics, ...(help === undefined ? {} : { help }) };
};

/** What is loaded while the verifier works. */
const code = import('./engine-core.ts');

async function prepare(spec: EngineSpec): Promise<Prepared> {
  try {
    // Above ordinary work, so that the rings are drained while the machine is busy; not permitted to everyone.
    setPriority(0, -10);
  } catch {
    // Then with the ordinary priority.
  }
  const sensors = beginSensors(spec);
  const { EngineCore } = await code;
  return EngineCore.prepare(spec, sensors);
}

async function start(spec: EngineSpec, prepared: Promise<Prepared>): Promise<void> {
  try {
    const { EngineCore } = await code;
    core = await EngineCore.start(spec, await prepared, send, () => outbox?.takeDropped() ?? 0);
    send({ type: 'ready', report: core.report });
    core.settle();
  } catch (error) {
    send({ type: 'failed', trouble: troubleOf(error) });
  }
}

async function answer(id: number, act: () => unknown): Promise<void> {
  try {
    await core?.preparing;
    send({ type: 'answer', id, result: await act() });
  } catch (error) {
    send({ type: 'refused', id, trouble: troubleOf(error) });
  }
}

let core: EngineCore | undefined;
let prepared: Promise<Prepared> | undefined;
parentPort?.on('message', (message: ToEngine) => {
  if (message.type === 'prepare') {
    prepared = prepare(message.spec);
    // `start` tells how it went.
    prepared.catch(() => {});
  } else if (message.type === 'start') {
    outbox = new Outbox(message.taken, (alerts) => post({ type: 'alerts', alerts }));
    void start(message.spec, prepared ?? prepare(message.spec));
    prepared = undefined;
  } else if (message.type === 'stop') {
    void Promise.resolve(core?.stop()).finally(() => send({ type: 'stopped' }));
  } else if (message.type === 'reload') void answer(message.id, () => core?.reload(message.spec));
  else void answer(message.id, () => core?.answer(message.question, message.args));
});
