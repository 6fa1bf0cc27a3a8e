import { mkdir, mkdtemp, readdir, rm, rmdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execute, mustExecute } from './execute.ts';
import { makeRoot } from './image.ts';
import type { Container, ContainerOptions, ContainerRuntime, ExecOptions } from './types.ts';

/** podman needs these where CAP_SYS_RESOURCE is missing: it would raise the limits otherwise. */
const limits = ['--ulimit', 'nofile=1024:1024', '--ulimit', 'nproc=1000:1000'];

/** Containers by podman and runc, with storage of their own that `close` removes. */
export class Podman implements ContainerRuntime {
  readonly name = 'podman';
  #folder: string | undefined;
  #images = new Set<string>();
  #why: Promise<string | undefined> | undefined;

  whyNot(): Promise<string | undefined> {
    this.#why ??= this.#try();
    return this.#why;
  }

  async #try(): Promise<string | undefined> {
    try {
      const container = await this.start({});
      const { stdout } = await container.exec(['echo', 'hi']);
      await container.stop();
      return stdout.trim() === 'hi' ? undefined : 'podman exec printed nothing';
    } catch (error) {
      return (error as Error).message;
    }
  }

  /** Global arguments: nothing of the machine's own podman is used or changed. */
  async args(): Promise<string[]> {
    this.#folder ??= await mkdtemp(join(tmpdir(), 'ringfence-podman-'));
    const where = ['--root', join(this.#folder, 'root'), '--runroot', join(this.#folder, 'run')];
    where.push('--tmpdir', join(this.#folder, 'tmp'), '--storage-driver', 'overlay', '--runtime', 'runc');
    return [...where, '--cgroup-manager', 'cgroupfs', '--events-backend', 'file'];
  }

  async start(options: ContainerOptions): Promise<Container> {
    const kind = options.image ?? 'busybox';
    const image = options.imageName ?? `localhost/ringfence-${kind}:1`;
    const globals = await this.args();
    await this.#import(kind, image);
    const args = [
      ...globals,
      'run',
      '--detach',
      '--init=false',
      '--network',
      options.network ?? 'none',
      ...limits,
    ];
    if (options.name !== undefined) args.push('--name', options.name);
    if (options.privileged === true) args.push('--privileged');
    for (const [key, value] of Object.entries(options.labels ?? {})) args.push('--label', `${key}=${value}`);
    for (const mount of options.mounts ?? []) args.push('--volume', mount);
    if (kind === 'host') args.push('--volume', '/usr:/usr:ro');
    const id = (await mustExecute('podman', [...args, image, 'sleep', '100000'])).trim();
    const pid = Number(
      await mustExecute('podman', [...globals, 'inspect', '--format', '{{.State.Pid}}', id]),
    );
    return {
      id,
      pid,
      exec: (command, exec = {}) =>
        execute('podman', [...globals, 'exec', ...execArguments(exec), id, ...command], {
          ...(exec.timeoutMs === undefined ? {} : { timeoutMs: exec.timeoutMs }),
        }),
      stop: async () => {
        await mustExecute('podman', [...globals, 'rm', '--force', '--time', '0', id]);
      },
    };
  }

  async #import(kind: 'busybox' | 'host', image: string): Promise<void> {
    if (this.#images.has(image)) return;
    const root = join(this.#folder ?? '', `image-${this.#images.size}`);
    this.#images.add(image);
    await mkdir(root);
    await makeRoot(kind, root);
    await mustExecute('tar', ['-C', root, '-cf', `${root}.tar`, '.']);
    await mustExecute('podman', [...(await this.args()), 'import', `${root}.tar`, image]);
    await rm(root, { recursive: true });
    await rm(`${root}.tar`);
  }

  async close(): Promise<void> {
    if (this.#folder === undefined) return;
    await execute('podman', [...(await this.args()), 'rm', '--all', '--force', '--time', '0']);
    await execute('umount', [join(this.#folder, 'root/overlay')]);
    // One that was killed for taking too long may still be writing there.
    await rm(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 });
    await removeParentCgroups();
    this.#folder = undefined;
    this.#images.clear();
  }
}

/** podman leaves the folder above its containers' cgroups; one that is still in use refuses to go. */
async function removeParentCgroups(): Promise<void> {
  const hierarchies = await readdir('/sys/fs/cgroup');
  const parents = ['', ...hierarchies].map((name) => join('/sys/fs/cgroup', name, 'libpod_parent'));
  for (const path of parents) await rmdir(path).catch(() => {});
}

function execArguments(options: ExecOptions): string[] {
  const args = options.tty === true ? ['--tty'] : [];
  if (options.user !== undefined) args.push('--user', options.user);
  if (options.cwd !== undefined) args.push('--workdir', options.cwd);
  for (const [name, value] of Object.entries(options.env ?? {})) args.push('--env', `${name}=${value}`);
  return args;
}
