import { type ChildProcess, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { spawnBound } from './bound.ts';
import { until } from './open.ts';

/** Why tests with a real server are skipped; false if they are not. */
export const NO_NATS: string | false =
  spawnSync('nats-server', ['--version']).status === 0 ? false : 'needs nats-server';

/** A port that nobody uses now. */
export function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

/** A nats-server of our own on loopback, which can be killed and started again with its data. */
export class TestNatsServer {
  readonly port: number;
  readonly #config: string;
  #child: ChildProcess | undefined;

  private constructor(port: number, config: string) {
    this.port = port;
    this.#config = config;
  }

  /** A server that ends with the test. */
  static async during(t: TestContext, folder: string, extra = ''): Promise<TestNatsServer> {
    const server = await TestNatsServer.start(folder, extra);
    t.after(() => server.kill());
    return server;
  }

  /** `extra` is added to the server's configuration. */
  static async start(folder: string, extra = ''): Promise<TestNatsServer> {
    const port = await freePort();
    const config = join(folder, 'nats.conf');
    const store = join(folder, 'nats-data');
    writeFileSync(
      config,
      `listen: "127.0.0.1:${port}"\njetstream { store_dir: "${store}", max_mem: 64MB, max_file: 1GB }\n${extra}`,
    );
    const server = new TestNatsServer(port, config);
    await server.start();
    return server;
  }

  get url(): string {
    return `nats://127.0.0.1:${this.port}`;
  }

  async start(): Promise<void> {
    if (this.#child) return;
    this.#child = spawnBound('nats-server', ['-c', this.#config]);
    await until('nats-server listens', () => canConnect(this.port));
  }

  /** Takes connections and answers nothing, until `resume`. */
  pause(): void {
    this.#child?.kill('SIGSTOP');
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
  }

  /** As the kernel does it when memory runs out. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await gone;
  }
}

function canConnect(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
