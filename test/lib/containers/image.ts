import { existsSync } from 'node:fs';
import { copyFile, mkdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { mustExecute } from './execute.ts';

const folders = [
  'dev',
  'proc',
  'sys',
  'tmp',
  'etc',
  'root',
  'run',
  'var/log',
  'var/tmp',
  'home',
  'opt',
  'mnt',
  'usr',
];

const etc = {
  passwd:
    'root:x:0:0:root:/root:/bin/sh\napp:x:1000:1000:app:/home:/bin/sh\nnobody:x:65534:65534::/:/bin/false\n',
  group: 'root:x:0:\napp:x:1000:\nnogroup:x:65534:\n',
  shadow: 'root:*:19000:0:99999:7:::\n',
  hosts: '127.0.0.1 localhost\n',
};

/** Fills an empty folder with a root file system. */
export async function makeRoot(kind: 'busybox' | 'host', root: string): Promise<void> {
  for (const folder of folders) await mkdir(join(root, folder), { recursive: true });
  for (const [name, text] of Object.entries(etc)) await writeFile(join(root, 'etc', name), text);
  if (kind === 'host') {
    for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
      if (existsSync(`/usr/${name}`)) await symlink(`usr/${name}`, join(root, name));
    }
    await copyFile('/etc/ld.so.cache', join(root, 'etc/ld.so.cache'));
    return;
  }
  await mkdir(join(root, 'bin'));
  await mkdir(join(root, 'usr/bin'));
  await copyFile('/bin/busybox', join(root, 'bin/busybox'));
  const applets = (await mustExecute('/bin/busybox', ['--list'])).trim().split('\n');
  for (const name of applets) {
    if (name !== 'busybox') await symlink('busybox', join(root, 'bin', name));
  }
}
