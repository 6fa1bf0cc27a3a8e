import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const execute = promisify(execFile);

/** The folder with package.json, whether this file runs from source or from dist. */
export const projectRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

function findRoot(from: string): string {
  let folder = from;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}

const virtiofsdPlaces = ['/usr/lib/qemu/virtiofsd', '/usr/libexec/virtiofsd'];

/** Where the file server of the shares is, or undefined. */
export function virtiofsdPath(): string | undefined {
  return virtiofsdPlaces.find((path) => existsSync(path));
}

const tools: { name: string; package: string }[] = [
  { name: 'qemu-system-x86_64', package: 'qemu-system-x86' },
  { name: 'busybox', package: 'busybox-static' },
  { name: 'setpriv', package: 'util-linux' },
  { name: 'xz', package: 'xz-utils' },
  { name: 'dpkg', package: 'dpkg' },
  { name: 'apt-get', package: 'apt' },
];

/** The full path of a program on PATH, also looked for in the system folders. */
export function programPath(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? '').split(':'), '/usr/sbin', '/usr/bin', '/sbin', '/bin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** Why no guest can run on this machine, or undefined when one can (kernels aside). */
export function whyNoGuest(): string | undefined {
  if (process.arch !== 'x64') return 'guests need an x86-64 host';
  if (process.getuid?.() !== 0) return 'guests need root (virtiofsd enters a chroot)';
  const missing = tools.filter((tool) => programPath(tool.name) === undefined).map((tool) => tool.package);
  if (virtiofsdPath() === undefined) missing.push('qemu-system-common (virtiofsd)');
  return missing.length === 0 ? undefined : `guests need the packages: ${missing.join(', ')}`;
}

/** Runs a program to its end; a failure carries its standard error. */
export async function run(program: string, args: string[], cwd?: string): Promise<string> {
  const { stdout } = await execute(program, args, {
    cwd,
    maxBuffer: 64 << 20,
    env: { ...process.env, LC_ALL: 'C' },
  });
  return stdout;
}
