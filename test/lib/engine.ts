import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { stringify } from 'yaml';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import { SLOWNESS } from './slowness.ts';

/** An alert as the engine prints it with `-o json`. */
export interface AlertLine {
  readonly rule: string;
  readonly priority: string;
  readonly output: string;
  readonly output_fields: Readonly<Record<string, unknown>>;
  readonly [key: string]: unknown;
}

export interface LogLine {
  readonly level: string;
  readonly msg: string;
  readonly [key: string]: unknown;
}

export interface EngineOptions {
  /** Configuration in addition to what a test needs. */
  readonly config?: Readonly<Record<string, unknown>>;
  /** Rules in place of the built-in ones. */
  readonly rules?: string;
  readonly args?: readonly string[];
  /** A command that runs the engine as its last words: in a namespace of its own, for example. */
  readonly wrap?: readonly string[];
}

/** Why a test that needs real kernel events cannot run here; false if it can. */
export function liveSkip(): string | false {
  if (process.geteuid?.() !== 0) return 'needs root';
  if (!existsSync('/sys/kernel/btf/vmlinux')) return 'needs a kernel with BTF';
  return false;
}

const READY_MS = 30_000;

/** How much longer than expected things may take. */
const PATIENCE = 6 * SLOWNESS;

/** A real engine in a process of its own, with its own socket and state folder. */
export class LiveEngine {
  readonly alerts: AlertLine[] = [];
  readonly log: LogLine[] = [];
  readonly folder: string;
  readonly socket: string;
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  #stderr = '';

  private constructor(options: EngineOptions) {
    this.folder = mkdtempSync(join(tmpdir(), 'rf-live-'));
    this.socket = join(this.folder, 'run/control.sock');
    const rules = join(this.folder, 'rules.yaml');
    const config = join(this.folder, 'config.yaml');
    const own = {
      log: { format: 'json' },
      control: { socket: this.socket },
      state_dir: join(this.folder, 'state'),
      rules_files: [],
      containers: { enabled: false },
    };
    writeFileSync(config, stringify({ ...own, ...options.config }));
    if (options.rules !== undefined) writeFileSync(rules, options.rules);
    const args = ['run', '-c', config, '-o', 'json', ...(options.rules === undefined ? [] : ['-r', rules])];
    const command = [...(options.wrap ?? []), join(PACKAGE_ROOT, 'bin/ringfence'), ...args];
    this.process = spawn(command[0] as string, [...command.slice(1), ...(options.args ?? [])], {
      env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    // A test that fails before it stops its engine must not leave it behind.
    const end = (): void => void this.process.kill('SIGKILL');
    process.once('exit', end);
    this.process.once('close', () => process.off('exit', end));
    this.exited = new Promise((resolve) => this.process.once('close', resolve));
    this.#lines(this.process.stdout, (line) => this.alerts.push(JSON.parse(line) as AlertLine));
    this.#lines(this.process.stderr, (line) => {
      this.#stderr += `${line}\n`;
      if (line.startsWith('{')) this.log.push(JSON.parse(line) as LogLine);
    });
  }

  /** Starts an engine, and waits for nothing. */
  static spawn(options: EngineOptions = {}): LiveEngine {
    return new LiveEngine(options);
  }

  /** Starts an engine and waits until it sees events. */
  static async start(options: EngineOptions = {}): Promise<LiveEngine> {
    const engine = LiveEngine.spawn(options);
    const ready = await engine.until(() => engine.log.some((line) => line.msg === 'ready'), READY_MS);
    if (!ready) {
      await engine.stop();
      throw new Error(`the engine did not get ready:\n${engine.#stderr}`);
    }
    return engine;
  }

  /** What it wrote on stderr. */
  get stderr(): string {
    return this.#stderr;
  }

  /** Waits for a condition; false when time is over (counted generously: machines are busy) or the engine has ended. */
  async until(condition: () => boolean, ms: number): Promise<boolean> {
    const end = performance.now() + ms * PATIENCE;
    while (performance.now() < end) {
      if (condition()) return true;
      if (this.process.exitCode !== null) return condition();
      await sleep(10);
    }
    return condition();
  }

  /** Ends it as a service manager would; the exit code. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    this.process.kill(signal);
    const late = setTimeout(() => this.process.kill('SIGKILL'), 15_000);
    const code = await this.exited;
    clearTimeout(late);
    rmSync(this.folder, { recursive: true, force: true });
    return code;
  }

  #lines(stream: NodeJS.ReadableStream | null, take: (line: string) => void): void {
    let rest = '';
    stream?.setEncoding('utf8').on('data', (chunk: string) => {
      const parts = (rest + chunk).split('\n');
      rest = parts.pop() ?? '';
      for (const part of parts) if (part !== '') take(part);
    });
  }
}
