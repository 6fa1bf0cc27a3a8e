import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { SLOWNESS } from '../slowness.ts';
import { execute } from './execute.ts';
import { makeRoot } from './image.ts';
import type { Container, ContainerOptions, ContainerRuntime, ExecOptions, ExecResult } from './types.ts';

/**
 * Containers without a runtime: namespaces by unshare, an overlay as root, a cgroup named as Docker names its own
 * (/docker/ID in cgroup v2). There is no API to ask about them.
 */
export class Plain implements ContainerRuntime {
  readonly name = 'plain';
  #why: Promise<string | undefined> | undefined;

  whyNot(): Promise<string | undefined> {
    this.#why ??= this.#try();
    return this.#why;
  }

  async #try(): Promise<string | undefined> {
    if (process.getuid?.() !== 0) return 'needs root';
    try {
      const container = await this.start({});
      const { stdout, stderr } = await container.exec(['/bin/echo', 'hi']);
      await container.stop();
      return stdout.trim() === 'hi' ? undefined : stderr;
    } catch (error) {
      return (error as Error).message;
    }
  }

  async start(options: ContainerOptions): Promise<Container> {
    const id = randomBytes(32).toString('hex');
    const folder = await mkdtemp(join(tmpdir(), 'ringfence-plain-'));
    const cgroup = join(cgroup2Mount(), 'docker', id);
    const undo = async (): Promise<void> => {
      await killAll(cgroup);
      await rm(folder, { recursive: true, force: true });
      await removeCgroup(cgroup);
      await rmdir(join(cgroup, '..')).catch(() => {});
    };
    try {
      await makeRoot(options.image ?? 'busybox', join(folder, 'lower'));
      for (const name of ['upper', 'work', 'merged']) await mkdir(join(folder, name));
      await mkdir(cgroup, { recursive: true });
      const pid = await startFirst(folder, cgroup, options);
      return { id, pid, exec: (command, exec = {}) => enter(pid, cgroup, command, exec), stop: undo };
    } catch (error) {
      await undo();
      throw error;
    }
  }

  async close(): Promise<void> {}
}

/** Where the version 2 hierarchy is: alone, or beside version 1. */
function cgroup2Mount(): string {
  const line = readFileSync('/proc/mounts', 'utf8')
    .split('\n')
    .find((mount) => mount.split(' ')[2] === 'cgroup2');
  if (line === undefined) throw new Error('no cgroup2 is mounted');
  return line.split(' ')[1] ?? '';
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

async function startFirst(folder: string, cgroup: string, options: ContainerOptions): Promise<number> {
  const binds = (options.mounts ?? []).map((mount) => {
    const [from = '', to = '', mode = ''] = mount.split(':');
    const target = quote(`merged${to}`);
    const ro = mode === 'ro' ? `\nmount -o remount,ro,bind ${target}` : '';
    const parent = quote(dirname(`merged${to}`));
    return `mkdir -p ${parent}; [ -d ${quote(from)} ] && mkdir -p ${target} || : > ${target}\nmount --bind ${quote(from)} ${target}${ro}`;
  });
  if (options.image === 'host')
    binds.push('mount --bind /usr merged/usr\nmount -o remount,ro,bind merged/usr');
  // busybox's shell mounts without starting programs, which saves seconds in an emulated guest.
  const script = `set -e
cd ${quote(folder)}
mount -t overlay -o lowerdir=lower,upperdir=upper,workdir=work overlay merged
mount -t proc proc merged/proc
mount -t tmpfs -o mode=755 dev merged/dev
for device in null zero full random urandom tty; do : > merged/dev/$device; mount --bind /dev/$device merged/dev/$device; done
mkdir merged/dev/shm merged/dev/pts
mount -t devpts -o newinstance,ptmxmode=0666 devpts merged/dev/pts
ln -s pts/ptmx merged/dev/ptmx
${binds.join('\n')}
cd merged
mkdir -p .old
pivot_root . .old
cd /
umount -l .old
rmdir .old
exec /bin/sleep 100000`;
  const namespaces = [
    '--mount',
    '--pid',
    '--ipc',
    '--uts',
    '--fork',
    '--kill-child',
    '--propagation',
    'private',
  ];
  if (options.network !== 'host') namespaces.push('--net');
  const unshare = `echo $$ > ${quote(join(cgroup, 'cgroup.procs'))} && exec unshare ${namespaces.join(' ')} busybox sh -c ${quote(script)}`;
  const child = spawn('sh', ['-c', unshare], { stdio: ['ignore', 'ignore', 'pipe'] });
  let said = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  child.unref();
  for (let waited = 0; waited < 20_000 * SLOWNESS; waited += 20) {
    const pid = members(cgroup).find((member) => nameOf(member) === 'sleep');
    if (pid !== undefined) return pid;
    if (child.exitCode !== null) break;
    await sleep(20);
  }
  throw new Error(`the container did not start: ${said.trim()}`);
}

/** Runs a command in all the container's namespaces and in its cgroup. */
function enter(
  pid: number,
  cgroup: string,
  command: readonly string[],
  options: ExecOptions,
): Promise<ExecResult> {
  const user =
    options.user === undefined ? '' : `--setuid ${quote(options.user)} --setgid ${quote(options.user)}`;
  const inside = `nsenter --target ${pid} --mount --pid --ipc --uts --net --root --wd=${quote(`/proc/${pid}/root${options.cwd ?? '/'}`)} ${user}`;
  const program = `${inside} ${command.map(quote).join(' ')}`;
  const whole = options.tty === true ? `script -qec ${quote(`exec ${program}`)} /dev/null` : program;
  return execute('sh', ['-c', `echo $$ > ${quote(join(cgroup, 'cgroup.procs'))} && exec ${whole}`], {
    env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', HOME: '/root', ...options.env },
    ...(options.timeoutMs === undefined ? {} : { timeoutMs: options.timeoutMs }),
  });
}

function members(cgroup: string): number[] {
  if (!existsSync(cgroup)) return [];
  const text = readFileSync(join(cgroup, 'cgroup.procs'), 'utf8').trim();
  return text === '' ? [] : text.split('\n').map(Number);
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/comm`, 'latin1').trim();
  } catch {
    return '';
  }
}

/** A cgroup stays busy for a moment after its last process has ended. */
async function removeCgroup(cgroup: string): Promise<void> {
  for (let tries = 0; existsSync(cgroup) && tries < 100; tries++) {
    await rmdir(cgroup).catch(() => sleep(10));
  }
}

/** Ends every process of the cgroup and waits until it is empty. */
async function killAll(cgroup: string): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const pids = members(cgroup);
    if (pids.length === 0) return;
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It ended by itself.
      }
    }
    await sleep(10);
  }
}
