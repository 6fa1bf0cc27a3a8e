import { type SpawnSyncOptions, spawnSync } from 'node:child_process';
import * as dgram from 'node:dgram';
import * as fs from 'node:fs';
import * as net from 'node:net';

/** One thing an actor does. Exactly one member besides the modifiers is set. */
export interface Step {
  /** Program and arguments; `cwd`, `env` and `argv0` modify it. */
  readonly exec?: readonly string[];
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly argv0?: string;
  /** A line for /bin/sh. */
  readonly sh?: string;
  /** Opens and closes a file; `flags` as in Node: r, w, a, r+ ... A failure is fine. */
  readonly open?: string;
  readonly flags?: string;
  /** ADDRESS:PORT, [ADDRESS]:PORT or the path of a unix socket; a failure is fine. */
  readonly connect?: string;
  /** The same, one UDP datagram. */
  readonly send?: string;
  readonly copy?: readonly [from: string, to: string];
  readonly write?: readonly [file: string, text: string];
  readonly mkdir?: string;
  readonly symlink?: readonly [target: string, path: string];
  readonly link?: readonly [from: string, to: string];
  readonly rename?: readonly [from: string, to: string];
  readonly unlink?: string;
  readonly chmod?: readonly [file: string, mode: number];
  readonly chdir?: string;
  /** Listens on ADDRESS:PORT, or at the path of a unix socket, until the actor ends. */
  readonly listen?: string;
  readonly sleep_ms?: number;
}

const ports = (text: string): { host: string; port: number } => {
  const at = text.lastIndexOf(':');
  return { host: text.slice(0, at).replace(/^\[|\]$/g, ''), port: Number(text.slice(at + 1)) };
};

const ended = (run: (done: () => void) => void): Promise<void> => new Promise((resolve) => run(resolve));

async function connect(to: string): Promise<void> {
  await ended((done) => {
    const socket = net.connect(to.startsWith('/') ? { path: to } : ports(to));
    socket.setTimeout(1000, done);
    socket.once('connect', done).once('error', done);
    socket.once('connect', () => socket.destroy());
  });
}

async function send(to: string): Promise<void> {
  const { host, port } = ports(to);
  const socket = dgram.createSocket(host.includes(':') ? 'udp6' : 'udp4');
  await ended((done) => {
    socket.once('error', done);
    socket.send('x', port, host, () => done());
  });
  socket.close();
}

function run(argv: readonly string[], step: Step): void {
  const [file = '', ...args] = argv;
  const options: SpawnSyncOptions = { stdio: 'ignore', timeout: 10_000 };
  if (step.cwd !== undefined) options.cwd = step.cwd;
  if (step.argv0 !== undefined) options.argv0 = step.argv0;
  if (step.env !== undefined) options.env = { ...process.env, ...step.env };
  spawnSync(file, args, options);
}

function open(file: string, flags: string): void {
  try {
    fs.closeSync(fs.openSync(file, flags));
  } catch {
    // That it fails may be the point.
  }
}

/** Does one step. */
export async function perform(step: Step): Promise<void> {
  if (step.exec) run(step.exec, step);
  if (step.sh !== undefined) run(['/bin/sh', '-c', step.sh], step);
  if (step.open !== undefined) open(step.open, step.flags ?? 'r');
  if (step.connect !== undefined) await connect(step.connect);
  if (step.send !== undefined) await send(step.send);
  if (step.copy) fs.copyFileSync(...step.copy);
  if (step.write) fs.writeFileSync(...step.write);
  if (step.mkdir !== undefined) fs.mkdirSync(step.mkdir, { recursive: true });
  if (step.symlink) fs.symlinkSync(...step.symlink);
  if (step.link) fs.linkSync(...step.link);
  if (step.rename) fs.renameSync(...step.rename);
  if (step.unlink !== undefined) fs.rmSync(step.unlink, { recursive: true, force: true });
  if (step.chmod) fs.chmodSync(...step.chmod);
  if (step.chdir !== undefined) process.chdir(step.chdir);
  if (step.listen !== undefined) {
    const where = step.listen.startsWith('/') ? { path: step.listen } : ports(step.listen);
    const server = net.createServer((peer) => peer.destroy());
    await ended((done) => void server.listen(where, done));
    server.unref();
  }
  if (step.sleep_ms !== undefined) await new Promise((resolve) => setTimeout(resolve, step.sleep_ms));
}
