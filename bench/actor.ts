import { type ChildProcessByStdio, execFileSync, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable, Writable } from 'node:stream';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

/** Builds bench/act.c into a folder. */
export function buildActor(folder: string): string {
  const program = join(folder, 'act');
  execFileSync('cc', ['-O2', '-o', program, join(PACKAGE_ROOT, 'bench/act.c')]);
  return program;
}

/** A process that acts on request, in a cgroup of its own where one is given. */
export class Actor {
  readonly #child: ChildProcessByStdio<Writable, Readable, null>;
  readonly #lines: AsyncIterator<string>;

  constructor(program: string, cgroup?: string) {
    this.#child = spawn(program, { stdio: ['pipe', 'pipe', 'inherit'] });
    if (cgroup !== undefined) writeFileSync(join(cgroup, 'cgroup.procs'), String(this.#child.pid));
    this.#lines = createInterface({ input: this.#child.stdout })[Symbol.asyncIterator]();
  }

  /** ns for each of `count` acts. */
  async time(what: 'connect' | 'open', where: string, count: number): Promise<number> {
    return Number(await this.#ask(`${what} ${where} ${count}`));
  }

  /** Begins to connect; resolves once it does, to what resolves when it is refused. */
  async untilRefused(address: string): Promise<{ refused: Promise<{ atNs: bigint; before: number }> }> {
    await this.#ask(`refused ${address}`);
    const refused = this.#lines.next().then(({ value }) => {
      const [, after = '0', count] = String(value).split(' ');
      return { atNs: BigInt(after), before: Number(count) };
    });
    return { refused };
  }

  stop(): Promise<void> {
    const ended = new Promise<void>((resolve) => this.#child.once('close', () => resolve()));
    this.#child.kill('SIGKILL');
    return ended;
  }

  async #ask(line: string): Promise<string> {
    this.#child.stdin.write(`${line}\n`);
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the actor ended: ${line}`);
    return String(value);
  }
}
