import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { projectRoot, run } from './host.ts';

/** The kernels of the matrix, by the Debian package that always depends on the newest of its line. */
export const kernelPackages = {
  '6.1': 'linux-image-cloud-amd64',
  '6.12': 'linux-image-6.12-cloud-amd64',
} as const;

export type KernelLine = keyof typeof kernelPackages;
export const kernelLines = Object.keys(kernelPackages) as KernelLine[];

export interface Kernel {
  readonly release: string;
  readonly image: string;
  /** Folder with the modules below as plain NAME.ko. */
  readonly modules: string;
  /** Modules a guest loads at boot, dependencies first; those built into the kernel are left out. */
  readonly order: string[];
}

const bootModules = ['virtio_pci', 'virtio_console', 'virtiofs', 'overlay'];
/** Not loaded at boot: here for the tests that load a module or make network devices. */
const extraModules = ['dummy', 'veth', 'tcp_diag', 'udp_diag'];

/**
 * The kernel of a line, fetched from Debian on first use and unpacked below .cache/guest (never installed).
 * Several processes may ask at once: each unpacks into a folder of its own, the first rename wins.
 */
export async function fetchKernel(line: KernelLine): Promise<Kernel> {
  const cache = join(projectRoot, '.cache/guest');
  const folder = join(cache, line);
  if (!existsSync(join(folder, 'kernel.json'))) {
    await mkdir(cache, { recursive: true });
    const work = await mkdtemp(join(cache, 'fetch-'));
    try {
      await unpackKernel(line, work);
      await rename(join(work, 'kernel'), folder).catch((error: unknown) => {
        if (!existsSync(join(folder, 'kernel.json'))) throw error;
      });
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  const { release, order } = JSON.parse(await readFile(join(folder, 'kernel.json'), 'utf8'));
  return { release, order, image: join(folder, 'vmlinuz'), modules: join(folder, 'modules') };
}

async function unpackKernel(line: KernelLine, work: string): Promise<void> {
  const name = await concretePackage(kernelPackages[line]);
  await run('apt-get', ['-qq', '-o', 'APT::Sandbox::User=root', 'download', name], work);
  const archive = (await readdir(work)).find((file) => file.endsWith('.deb'));
  if (archive === undefined) throw new Error(`apt-get download ${name} left no package`);
  await run('dpkg', ['-x', archive, 'tree'], work);
  const tree = join(work, 'tree');
  const image = (await readdir(join(tree, 'boot'))).find((file) => file.startsWith('vmlinuz-'));
  if (image === undefined) throw new Error(`${name} holds no kernel image`);
  const release = image.slice('vmlinuz-'.length);

  const modules = join(work, 'kernel/modules');
  await mkdir(modules, { recursive: true });
  const order = await collectModules(await findModules(tree), bootModules, modules);
  await collectModules(await findModules(tree), extraModules, modules);
  await rename(join(tree, 'boot', image), join(work, 'kernel/vmlinuz'));
  await writeFile(join(work, 'kernel/kernel.json'), JSON.stringify({ release, order }));
}

async function concretePackage(meta: string): Promise<string> {
  const depends = await run('apt-cache', ['depends', '--important', meta]).catch(() => '');
  const name = /Depends: (linux-image-\S+)/.exec(depends)?.[1];
  if (name === undefined) throw new Error(`apt knows no package ${meta} (is its package list up to date?)`);
  return name;
}

/** Module name (underscores) → file, for every module of an unpacked package. */
async function findModules(tree: string): Promise<Map<string, string>> {
  const files = await readdir(tree, { recursive: true });
  const found = new Map<string, string>();
  for (const file of files) {
    const match = /([^/]+)\.ko(\.xz)?$/.exec(file);
    if (match?.[1] !== undefined) found.set(match[1].replaceAll('-', '_'), join(tree, file));
  }
  return found;
}

/** Copies modules and what they depend on as plain .ko files; answers the load order. */
async function collectModules(files: Map<string, string>, names: string[], to: string): Promise<string[]> {
  const order: string[] = [];
  const visit = async (name: string): Promise<void> => {
    const file = files.get(name);
    if (file === undefined || order.includes(name)) return;
    const plain = join(to, `${name}.ko`);
    if (!existsSync(plain)) {
      await rename(file, file.endsWith('.xz') ? `${plain}.xz` : plain);
      if (file.endsWith('.xz')) await run('xz', ['-d', `${plain}.xz`]);
    }
    for (const dependency of moduleDependencies(await readFile(plain))) await visit(dependency);
    order.push(name);
  };
  for (const name of names) await visit(name);
  return order;
}

/** A module names what it needs in its .modinfo section as "depends=a,b". */
function moduleDependencies(module: Buffer): string[] {
  const list = /\0depends=([^\0]*)\0/.exec(module.toString('latin1'))?.[1] ?? '';
  return list.split(',').filter((name) => name !== '');
}
