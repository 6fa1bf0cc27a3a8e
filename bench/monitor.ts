/** A monitor that runs beside a workload, and what it says of itself. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

const TICK = 100;
const START_MS = 60_000;
/** A monitor has settled when it takes less CPU than this for a second. */
const IDLE_SECONDS = 0.05;
const SETTLE_MS = 15_000;

export interface Variant {
  readonly name: string;
  /** The monitor's command line; absent = none. */
  readonly command?: readonly string[];
  /** What it prints once it is ready. */
  readonly ready?: RegExp;
}

/** How Ringfence is started, with its state in that folder. */
export function ringfenceCommand(folder: string, ...args: string[]): Pick<Variant, 'command' | 'ready'> {
  return {
    command: [
      join(PACKAGE_ROOT, 'bin/ringfence'),
      'run',
      '--set',
      `control.socket=${folder}/control.sock`,
      '--set',
      `state_dir=${folder}/state`,
      ...args,
    ],
    ready: /"ready"/,
  };
}

/** The monitor while it runs. */
export class Monitor {
  readonly #child: ChildProcess;
  /** From the start to ready. */
  readonly readySeconds: number;

  private constructor(child: ChildProcess, readySeconds: number) {
    this.#child = child;
    this.readySeconds = readySeconds;
  }

  /** Starts it and waits until its start's own work is done, which is not what is measured. */

  static async start({ command = [], ready = /./ }: Variant): Promise<Monitor> {
    const begun = performance.now();
    const [program = '', ...args] = command;
    const env = { ...process.env, RINGFENCE_SKIP_SETUP: '1' };
    const child = spawn(program, args, { env, stdio: ['ignore', 'ignore', 'pipe'] });
    await new Promise<void>((resolve, reject) => {
      let text = '';
      const timer = setTimeout(() => reject(new Error(`${program} is not ready: ${text}`)), START_MS);
      child.stderr?.on('data', (data: Buffer) => {
        text = (text + String(data)).slice(-4096);
        if (!ready.test(text)) return;
        clearTimeout(timer);
        resolve();
      });
      child.on('exit', (code) => reject(new Error(`${program} ended with ${code}: ${text}`)));
    });
    const monitor = new Monitor(child, (performance.now() - begun) / 1000);
    await monitor.#settle();
    return monitor;
  }

  async #settle(): Promise<void> {
    const end = performance.now() + SETTLE_MS;
    for (let before = this.cpuSeconds(); performance.now() < end; ) {
      await new Promise((done) => setTimeout(done, 1_000));
      const now = this.cpuSeconds();
      if (now - before < IDLE_SECONDS) return;
      before = now;
    }
  }

  cpuSeconds(): number {
    const fields = readFileSync(`/proc/${this.#child.pid}/stat`, 'latin1')
      .replace(/^.*\) /, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICK;
  }

  rssMiB(): number {
    const kB = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'latin1'))?.[1];
    return Number(kB) / 1024;
  }

  async stop(): Promise<void> {
    const ended = new Promise((done) => this.#child.once('exit', done));
    this.#child.kill('SIGTERM');
    await ended;
  }
}

/** The sensor's counters of the engine that runs there. */
export function counters(folder: string): Readonly<Record<string, number>> {
  const text = execFileSync(
    join(PACKAGE_ROOT, 'bin/ringfence'),
    ['status', '--json', '--socket', `${folder}/control.sock`],
    { env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' } },
  );
  return (JSON.parse(String(text)) as { engine: { sensor: Record<string, number> } }).engine.sensor;
}

export function lostOf({
  lostRing = 0,
  lostPriority = 0,
  lostSlot = 0,
}: ReturnType<typeof counters>): number {
  return lostRing + lostPriority + lostSlot;
}

/** Share of the calls looked at that reached user space. */
export function shareOf({ emitted = 0, filtered = 0 }: ReturnType<typeof counters>): string {
  return `${((100 * emitted) / (emitted + filtered)).toFixed(1)} %`;
}
