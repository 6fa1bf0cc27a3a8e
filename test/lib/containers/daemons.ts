import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, rmdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../../../src/engine/core/package.ts';
import { execute, mustExecute } from './execute.ts';
import { makeRoot } from './image.ts';

const PACKAGES = ['containerd', 'docker.io'];
const START_MS = 20_000;
/** Shims keep their own things here, whatever the daemons are told. */
const SHIMS = '/run/containerd';

/** Folder with Debian's Docker and containerd, fetched on first use and unpacked, never installed. */
async function fetchDaemons(): Promise<string> {
  const cache = join(PACKAGE_ROOT, '.cache');
  const folder = join(cache, 'daemons');
  if (existsSync(folder)) return folder;
  await mkdir(cache, { recursive: true });
  const work = await mkdtemp(join(cache, 'fetch-'));
  try {
    const options = ['-qq', '-o', 'APT::Sandbox::User=root'];
    await mustExecute('apt-get', [...options, 'download', ...PACKAGES], { cwd: work });
    for (const name of await readdir(work)) await mustExecute('dpkg', ['-x', name, 'tree'], { cwd: work });
    await rename(join(work, 'tree'), folder);
  } finally {
    await rm(work, { recursive: true, force: true });
  }
  return folder;
}

/** Real containerd and dockerd of our own, below a folder that the engine can take for the root of the host. */
export class Daemons {
  readonly root: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #children: ChildProcess[] = [];
  readonly #shimsWere = existsSync(SHIMS);

  private constructor(root: string, env: NodeJS.ProcessEnv) {
    this.root = root;
    this.#env = env;
  }

  /** Starts both; an error says why they cannot be had here. */
  static async start(root: string): Promise<Daemons> {
    const tools = await fetchDaemons();
    const containerd = join(root, 'run/containerd/containerd.sock');
    const docker = `unix://${join(root, 'run/docker.sock')}`;
    const path = `${join(tools, 'usr/bin')}:${join(tools, 'usr/sbin')}:${process.env.PATH}`;
    const daemons = new Daemons(root, {
      ...process.env,
      PATH: path,
      DOCKER_HOST: docker,
      CONTAINERD_ADDRESS: containerd,
    });
    await mkdir(join(root, 'run/containerd'), { recursive: true });
    const own = ['--root', join(root, 'c/root'), '--state', join(root, 'c/state'), '--address', containerd];
    try {
      await daemons.#daemon('containerd', own, ['ctr', 'version']);
      const folders = [
        '--data-root',
        join(root, 'd'),
        '--exec-root',
        join(root, 'e'),
        '-p',
        join(root, 'pid'),
      ];
      const network = ['--iptables=false', '--ip6tables=false', '--bridge=none'];
      const kept = ['--containerd', containerd, '--storage-driver', 'vfs', '-H', docker];
      await daemons.#daemon('dockerd', [...folders, ...network, ...kept], ['docker', 'version']);
      await daemons.#image();
      return daemons;
    } catch (error) {
      await daemons.stop();
      throw error;
    }
  }

  /** Runs `docker` or `ctr`; what it wrote. */
  async run(...command: readonly [string, ...string[]]): Promise<string> {
    return (await mustExecute(command[0], command.slice(1), { env: this.#env })).trim();
  }

  async stop(): Promise<void> {
    await this.#removeContainers();
    for (const child of this.#children.reverse()) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await Promise.race([once(child, 'exit'), sleep(10_000)]);
      child.kill('SIGKILL');
    }
    const mounts = (await readFile('/proc/mounts', 'utf8'))
      .split('\n')
      .map((line) => line.split(' ')[1] ?? '');
    for (const mount of mounts.filter((path) => path.startsWith(this.root))) {
      await execute('umount', ['-l', mount]);
    }
    await rm(this.root, { recursive: true, force: true });
    if (!this.#shimsWere) await rm(SHIMS, { recursive: true, force: true });
    for (const name of ['', ...(await readdir('/sys/fs/cgroup'))]) {
      for (const parent of ['docker', 'default']) {
        await rmdir(join('/sys/fs/cgroup', name, parent)).catch(() => {});
      }
    }
  }

  /** Their shims would outlive the daemons. */
  async #removeContainers(): Promise<void> {
    const list = async (program: string, ...args: string[]): Promise<string[]> => {
      const { stdout } = await execute(program, args, { env: this.#env });
      return stdout.split(/\s+/).filter((id) => id !== '');
    };
    for (const id of await list('docker', 'ps', '--all', '--quiet')) {
      await execute('docker', ['rm', '--force', id], { env: this.#env });
    }
    for (const id of await list('ctr', 'task', 'list', '--quiet')) {
      await execute('ctr', ['task', 'delete', '--force', id], { env: this.#env });
    }
  }

  async #daemon(
    program: string,
    args: readonly string[],
    asks: readonly [string, ...string[]],
  ): Promise<void> {
    const child = spawn(program, args, { env: this.#env, stdio: ['ignore', 'ignore', 'pipe'] });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-1000);
    });
    child.on('error', (error) => {
      said += error.message;
    });
    this.#children.push(child);
    for (let waited = 0; waited < START_MS && child.exitCode === null; waited += 200) {
      const { code } = await execute(asks[0], asks.slice(1), { env: this.#env });
      if (code === 0) return;
      await sleep(200);
    }
    throw new Error(`${program} does not start: ${said}`);
  }

  async #image(): Promise<void> {
    const folder = join(this.root, 'image');
    await mkdir(folder);
    await makeRoot('busybox', folder);
    await this.run('tar', '-C', folder, '-cf', `${folder}.tar`, '.');
    await this.run('docker', 'import', `${folder}.tar`, 'localhost/ringfence-busybox:1');
    await this.run('docker', 'save', '-o', `${folder}.saved`, 'localhost/ringfence-busybox:1');
    await this.run('ctr', 'image', 'import', `${folder}.saved`);
  }
}
