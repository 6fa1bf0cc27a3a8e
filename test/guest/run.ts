import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { programPath, projectRoot, virtiofsdPath, whyNoGuest } from './host.ts';
import { guestInitrd } from './initrd.ts';
import { fetchKernel, type KernelLine } from './kernels.ts';

export interface GuestOptions {
  readonly kernel: KernelLine;
  /** Program and arguments, run in the project's folder as root; the host's /usr is the guest's. */
  readonly command: readonly string[];
  readonly timeoutMs: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Let the guest write to the host's project folder; default is an overlay that ends with the guest. */
  readonly writable?: boolean;
  /** Files and folders of the host, outside of the project and /usr, that the guest also gets. */
  readonly copies?: readonly string[];
  /** More words for the kernel's command line. */
  readonly append?: string;
  /** Called with output as it arrives. */
  readonly onStdout?: (chunk: Buffer) => void;
  readonly onStderr?: (chunk: Buffer) => void;
}

export interface GuestResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** The guest never said how its command ended: it crashed, did not boot, or ran out of time. */
export class GuestFailure extends Error {}

const ports = ['control', 'stdout', 'stderr'] as const;

/**
 * Boots a guest, runs one command in it and ends it. Everything started here dies with this process
 * (setpriv --pdeathsig), on timeout and on return.
 */
export async function runInGuest(options: GuestOptions): Promise<GuestResult> {
  const problem = whyNoGuest();
  if (problem !== undefined) throw new GuestFailure(problem);
  const kernel = await fetchKernel(options.kernel);
  const folder = await mkdtemp(join(tmpdir(), 'ringfence-guest-'));
  const children: ChildProcess[] = [];
  const servers: Server[] = [];
  try {
    const wanted = {
      command: options.command,
      env: options.env ?? {},
      writable: options.writable ?? false,
      copies: options.copies ?? [],
    };
    await writeFile(join(folder, 'initrd'), await guestInitrd(kernel, wanted));
    const output = await listen(folder, servers, options);
    children.push(startShare(folder, 'usr', '/usr', false));
    children.push(startShare(folder, 'project', projectRoot, wanted.writable));
    await Promise.all(['usr', 'project'].map((share) => appears(join(folder, `${share}.sock`))));
    const machine = startMachine(folder, kernel.image, options.append);
    children.push(machine);
    const end = await waitForEnd(machine, options.timeoutMs);
    const collected = await output();
    const code = /^exit (\d+)$/m.exec(collected.control)?.[1];
    if (code === undefined) {
      throw new GuestFailure(
        `${options.kernel} guest: ${end}\n${await consoleTail(folder)}${collected.stderr}`,
      );
    }
    return { code: Number(code), stdout: collected.stdout, stderr: collected.stderr };
  } finally {
    for (const server of servers) server.close();
    await Promise.all(children.map(endProcess));
    await rm(folder, { recursive: true, force: true });
  }
}

type Collected = Record<(typeof ports)[number], string>;

/** One listening socket for each of the guest's ports; the answer waits until the guest closed them all. */
async function listen(
  folder: string,
  servers: Server[],
  options: GuestOptions,
): Promise<() => Promise<Collected>> {
  const chunks = { control: [] as Buffer[], stdout: [] as Buffer[], stderr: [] as Buffer[] };
  const live = { control: undefined, stdout: options.onStdout, stderr: options.onStderr };
  const closed: Promise<unknown>[] = [];
  for (const port of ports) {
    const server = createServer((socket) => {
      closed.push(once(socket, 'close'));
      socket.on('error', () => {});
      socket.on('data', (chunk: Buffer) => {
        chunks[port].push(chunk);
        live[port]?.(chunk);
      });
    });
    servers.push(server);
    server.listen(join(folder, `${port}.sock`));
    await once(server, 'listening');
  }
  return async () => {
    await Promise.race([Promise.all(closed), sleep(2000, undefined, { ref: false })]);
    const text = (port: (typeof ports)[number]): string => Buffer.concat(chunks[port]).toString();
    return { control: text('control'), stdout: text('stdout'), stderr: text('stderr') };
  };
}

/** Without `changes` the guest asks for each file only once, which makes starting programs twice as fast. */
function startShare(folder: string, name: string, source: string, changes: boolean): ChildProcess {
  const args = ['-f', `--socket-path=${join(folder, `${name}.sock`)}`, '--rlimit-nofile=0'];
  args.push(
    '-o',
    `source=${source}`,
    '-o',
    'sandbox=chroot',
    '-o',
    `cache=${changes ? 'auto' : 'always'}`,
    '-o',
    'xattr',
  );
  return start(virtiofsdPath() ?? 'virtiofsd', args);
}

function startMachine(folder: string, image: string, append = ''): ChildProcess {
  const memory = '1024M';
  const args = ['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'];
  args.push('-accel', 'tcg', '-cpu', 'max', '-smp', '1', '-m', memory, '-M', 'pc,memory-backend=mem');
  args.push('-object', `memory-backend-memfd,id=mem,size=${memory},share=on`);
  args.push('-kernel', image, '-initrd', join(folder, 'initrd'));
  args.push('-append', `console=ttyS0 quiet panic=-1 ${append}`.trim());
  args.push('-serial', `file:${join(folder, 'console')}`, '-device', 'virtio-serial-pci');
  for (const share of ['usr', 'project']) {
    args.push('-chardev', `socket,id=${share},path=${join(folder, `${share}.sock`)}`);
    args.push('-device', `vhost-user-fs-pci,chardev=${share},tag=${share}`);
  }
  for (const port of ports) {
    args.push('-chardev', `socket,id=${port},path=${join(folder, `${port}.sock`)}`);
    args.push('-device', `virtserialport,chardev=${port},name=${port}`);
  }
  return start(programPath('qemu-system-x86_64') ?? 'qemu-system-x86_64', args);
}

/** Starts a helper that the kernel kills when this process dies, however it dies. */
function start(program: string, args: string[]): ChildProcess {
  const all = ['--pdeathsig', 'KILL', program, ...args];
  const child = spawn('setpriv', all, { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said = (said + chunk.toString()).slice(-2000);
  });
  saidBy.set(child, () => said);
  return child;
}

const saidBy = new WeakMap<ChildProcess, () => string>();

async function waitForEnd(machine: ChildProcess, timeoutMs: number): Promise<string> {
  const timer = new AbortController();
  const ended = once(machine, 'exit').then(() => `ended early: ${saidBy.get(machine)?.() ?? ''}`);
  const late = sleep(timeoutMs, `no end after ${timeoutMs} ms`, { signal: timer.signal }).catch(() => '');
  const end = await Promise.race([ended, late]);
  timer.abort();
  await endProcess(machine);
  return end;
}

async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return;
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

/** Waits for a helper's socket. */
async function appears(path: string): Promise<void> {
  for (let waited = 0; waited < 5000; waited += 10) {
    if (existsSync(path)) return;
    await sleep(10);
  }
  throw new GuestFailure(`virtiofsd did not make its socket ${path}`);
}

async function consoleTail(folder: string): Promise<string> {
  const text = await readFile(join(folder, 'console'), 'utf8').catch(() => '');
  return text.split('\n').slice(-40).join('\n');
}
