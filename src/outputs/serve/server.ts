import { chmod, lstat, unlink } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import type { Log } from '../../engine/core/log.ts';
import { badUnixPath } from '../../engine/core/unix-path.ts';
import { readSecret } from '../tls.ts';
import { type ServeSources, statusApp } from './app.ts';
import type { ServeConfig } from './options.ts';

const SOCKET_MODE = 0o660;

/** The HTTP server for metrics and health. */
export class StatusServer {
  readonly #server: Server;
  readonly #socket: string | undefined;

  private constructor(server: Server, socket: string | undefined) {
    this.#server = server;
    this.#socket = socket;
  }

  /** Listens; throws an AppError if it cannot. */
  static async open(config: ServeConfig, sources: ServeSources, log: Log): Promise<StatusServer> {
    const token = config.token_file === undefined ? undefined : await readSecret(config.token_file);
    if (token === '') {
      throw new AppError('E_SERVE_LISTEN', `${config.token_file} is empty: it should hold the token`, {
        exitCode: EXIT.invalid,
      });
    }
    const app = statusApp(sources, {
      token,
      allowedHosts: config.allowed_hosts,
      local: config.socket !== undefined,
    });
    const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
    const server = createServer((request, response) => void listener(request, response));
    // Small limits: the only clients are a scraper and a probe.
    keepRoom(server, 64);
    server.headersTimeout = 5000;
    server.requestTimeout = 10_000;
    server.keepAliveTimeout = 30_000;
    const where = config.socket ?? config.listen;
    try {
      await listen(server, config);
    } catch (error) {
      throw new AppError('E_SERVE_LISTEN', `cannot listen on ${where}: ${(error as Error).message}`, {
        cause: error,
      });
    }
    server.on('error', (error) => log.error({ code: 'E_SERVE', err: error }, 'HTTP server'));
    log.info({ address: where }, 'HTTP server listens');
    return new StatusServer(server, config.socket);
  }

  /** Where it listens: `host:port`, or the socket's path. */
  get address(): string {
    const address = this.#server.address() as AddressInfo | string;
    return typeof address === 'string' ? address : `${address.address}:${address.port}`;
  }

  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    this.#server.closeAllConnections();
    await closed;
    if (this.#socket !== undefined) await unlink(this.#socket).catch(() => {});
  }
}

/** Above `most` connections the one goes that has asked for nothing for the longest: idle ones cannot keep a probe out. */
function keepRoom(server: Server, most: number): void {
  const latestLast = new Set<Socket>();
  const heard = (socket: Socket): void => {
    latestLast.delete(socket);
    latestLast.add(socket);
  };
  server.on('connection', (socket) => {
    heard(socket);
    socket.once('close', () => latestLast.delete(socket));
    const [longest] = latestLast;
    if (latestLast.size <= most || !longest) return;
    latestLast.delete(longest);
    longest.destroy();
  });
  server.on('request', ({ socket }) => heard(socket));
}

async function listen(server: Server, { socket, listen: address }: ServeConfig): Promise<void> {
  if (socket !== undefined) {
    const bad = badUnixPath(socket);
    if (bad !== undefined) throw new Error(bad);
    await removeStale(socket);
    await started(server, () => server.listen(socket));
    await chmod(socket, SOCKET_MODE);
    return;
  }
  const colon = address.lastIndexOf(':');
  const host = address.slice(0, colon).replace(/^\[|\]$/g, '');
  await started(server, () => server.listen(Number(address.slice(colon + 1)), host));
}

function started(server: Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.once('listening', () => {
      server.off('error', reject);
      resolve();
    });
    start();
  });
}

/** Removes a socket that a dead process left; one that is answered stays, and listening will fail. */
async function removeStale(path: string): Promise<void> {
  const stat = await lstat(path).catch(() => undefined);
  if (!stat?.isSocket()) return;
  const alive = await new Promise<boolean>((resolve) => {
    const probe = connect(path);
    probe.once('connect', () => {
      probe.destroy();
      resolve(true);
    });
    probe.once('error', () => resolve(false));
  });
  if (!alive) await unlink(path);
}
