import { chmodSync, lstatSync, rmSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { dirname } from 'node:path';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { makeFolder } from '../core/folder.ts';
import { toJson } from '../core/json.ts';
import type { Log } from '../core/log.ts';
import { nearest } from '../core/nearest.ts';
import { badUnixPath } from '../core/unix-path.ts';
import { type Credentials, peerCredentials } from '../libc.ts';
import { Lines, parseRequest, type Response } from './protocol.ts';

/** One command of the control socket. It throws an AppError for what the caller should be told. */
export interface ControlCommand {
  readonly name: string;
  readonly summary: string;
  readonly run: (args: Readonly<Record<string, unknown>>, caller: Credentials) => unknown;
}

const IDLE_MS = 60_000;
const MAX_CLIENTS = 32;

/** The control socket: one JSON request a line, one JSON answer a line, for root and the engine's own user. */
export class ControlServer {
  readonly #commands: ReadonlyMap<string, ControlCommand>;
  readonly #log: Log;
  readonly #path: string;
  readonly #server: Server;
  readonly #clients = new Set<Socket>();

  private constructor(path: string, commands: readonly ControlCommand[], log: Log) {
    this.#path = path;
    this.#log = log;
    this.#commands = new Map(commands.map((command) => [command.name, command]));
    this.#server = createServer((socket) => this.#accept(socket));
    this.#server.maxConnections = MAX_CLIENTS;
  }

  /** Listens. A socket that a dead engine left behind is replaced; one that answers, or anything else, is an error. */
  static async listen(path: string, commands: readonly ControlCommand[], log: Log): Promise<ControlServer> {
    const bad = badUnixPath(path);
    if (bad !== undefined) {
      throw new AppError('E_CONTROL', bad, {
        exitCode: EXIT.invalid,
        help: 'give a shorter one: control.socket',
      });
    }
    makeFolder(dirname(path));
    const there = lstatSync(path, { throwIfNoEntry: false });
    if (there && !there.isSocket()) {
      throw new AppError('E_CONTROL', `${path} is there already, and is no socket`, {
        exitCode: EXIT.invalid,
        help: 'give another path: control.socket',
      });
    }
    if (there) {
      if (await answers(path)) {
        throw new AppError('E_ALREADY_RUNNING', `another engine listens on ${path}`, {
          help: 'stop it, or give this one its own socket: --set control.socket=PATH',
        });
      }
      rmSync(path);
    }
    const control = new ControlServer(path, commands, log);
    const before = process.umask(0o177);
    try {
      await new Promise<void>((resolve, reject) => {
        control.#server.once('error', reject);
        control.#server.listen(path, resolve);
      });
    } finally {
      process.umask(before);
    }
    chmodSync(path, 0o600);
    control.#server.on('error', (err) => log.error({ code: 'E_CONTROL', err }, 'control socket'));
    return control;
  }

  /** Stops listening and hangs up on whoever is connected. */
  async close(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const client of this.#clients) client.destroy();
    await closed;
    rmSync(this.#path, { force: true });
  }

  #accept(socket: Socket): void {
    const fd = (socket as unknown as { _handle?: { fd?: number } })._handle?.fd ?? -1;
    const caller = peerCredentials(fd);
    if (!caller || (caller.uid !== 0 && caller.uid !== process.geteuid?.())) {
      this.#log.warn({ code: 'E_CONTROL_PEER', uid: caller?.uid }, 'control connection refused');
      socket.destroy();
      return;
    }
    const lines = new Lines();
    socket.setEncoding('utf8').setTimeout(IDLE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    this.#clients.add(socket);
    socket.once('close', () => this.#clients.delete(socket));
    // The engine may end while somebody is connected.
    socket.unref();
    let queue = Promise.resolve();
    socket.on('data', (chunk: string) => {
      const complete = lines.push(chunk);
      if (!complete) socket.destroy();
      else for (const line of complete) queue = queue.then(() => this.#answer(socket, line, caller));
    });
  }

  async #answer(socket: Socket, line: string, caller: Credentials): Promise<void> {
    const response = await this.#respond(line, caller);
    if (!socket.destroyed) socket.write(`${toJson(response)}\n`);
  }

  async #respond(line: string, caller: Credentials): Promise<Response> {
    const request = parseRequest(line);
    if (!request) return { id: -1, ok: false, error: { code: 'E_CONTROL', message: 'not a request' } };
    const { id } = request;
    const command = this.#commands.get(request.command);
    if (!command) {
      const close = nearest(request.command, this.#commands.keys());
      const message = `the engine has no command "${request.command}"${close ? `; did you mean "${close}"?` : ''}`;
      return { id, ok: false, error: { code: 'E_USAGE', message, exitCode: EXIT.usage } };
    }
    try {
      return { id, ok: true, result: (await command.run(request.args ?? {}, caller)) ?? null };
    } catch (error) {
      if (error instanceof AppError) {
        const { code, message, help, exitCode } = error;
        return { id, ok: false, error: { code, message, exitCode, ...(help === undefined ? {} : { help }) } };
      }
      this.#log.error({ code: 'E_CONTROL', err: error, command: request.command }, 'control command failed');
      return { id, ok: false, error: { code: 'E_INTERNAL', message: (error as Error).message } };
    }
  }
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    const done = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.setTimeout(1000, () => done(true));
    socket.once('connect', () => done(true)).once('error', () => done(false));
  });
}
