import type { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { lstat, readdir, readFile, readlink } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type CpioEntry, cpioArchive } from './cpio.ts';
import { programPath, projectRoot } from './host.ts';
import type { Kernel } from './kernels.ts';

export interface GuestCommand {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** The guest's writes to the project reach the host; otherwise they end with the guest. */
  readonly writable: boolean;
  /** Files and folders of the host beside those shared, copied to the same place. */
  readonly copies: readonly string[];
}

/** The guest's first file system: busybox, the modules it boots with, a small /etc, init and the command. */
export async function guestInitrd(kernel: Kernel, wanted: GuestCommand): Promise<Buffer> {
  const busybox = programPath('busybox');
  if (busybox === undefined) throw new Error('busybox is not installed');
  const folders = ['bin', 'dev', 'proc', 'sys', 'new', 'modules', 'etc'];
  const entries: CpioEntry[] = folders.map((path) => ({ path, type: 'folder' }));
  entries.push({ path: 'bin/busybox', data: await readFile(busybox) });
  for (const name of kernel.order) {
    entries.push({ path: `modules/${name}.ko`, data: await readFile(join(kernel.modules, `${name}.ko`)) });
  }
  entries.push({ path: 'init', data: initScript(kernel, wanted) });
  entries.push({ path: 'main', data: mainScript });
  entries.push({ path: 'command', data: commandScript(wanted) });
  for (const name of hostFiles) entries.push(...(await copyEntries(`/etc/${name}`)));
  for (const path of wanted.copies) entries.push(...parentFolders(path), ...(await copyEntries(path)));
  entries.push({
    path: 'etc/shadow',
    mode: 0o640,
    data: 'root:*:19000:0:99999:7:::\nnobody:*:19000:0:99999:7:::\n',
  });
  return cpioArchive(entries);
}

/** What programs of the host's /usr look for in /etc; nothing that could hold a secret. */
const hostFiles = [
  'passwd',
  'group',
  'nsswitch.conf',
  'ld.so.cache',
  'ld.so.conf',
  'ld.so.conf.d',
  'hosts',
  'services',
  'protocols',
  'alternatives',
  'debian_version',
  'login.defs',
  'shells',
  'pam.d',
  'security',
  'containers',
];

function parentFolders(path: string): CpioEntry[] {
  const parts = path.slice(1).split('/');
  return parts.slice(0, -1).map((_, i) => ({ path: parts.slice(0, i + 1).join('/'), type: 'folder' }));
}

async function copyEntries(path: string): Promise<CpioEntry[]> {
  if (!existsSync(path)) return [];
  const inside = path.slice(1);
  const status = await lstat(path);
  if (status.isSymbolicLink())
    return [{ path: inside, type: 'link', mode: 0o777, data: await readlink(path) }];
  if (status.isDirectory()) {
    const below = await Promise.all((await readdir(path)).map((name) => copyEntries(join(path, name))));
    return [{ path: inside, type: 'folder' }, ...below.flat()];
  }
  return [{ path: inside, mode: status.mode & 0o777, data: await readFile(path) }];
}

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

function commandScript(wanted: GuestCommand): string {
  const env = Object.entries(wanted.env).map(([name, value]) => `export ${name}=${quote(value)}\n`);
  return `cd ${quote(projectRoot)}\n${env.join('')}exec ${wanted.command.map(quote).join(' ')}\n`;
}

/** First process: modules, a root on tmpfs (pivot_root refuses the initial one), the shares, then main. */
function initScript(kernel: Kernel, wanted: GuestCommand): string {
  const project = quote(`/new${projectRoot}`);
  const shareProject = wanted.writable
    ? `mount -t virtiofs project ${project}`
    : `mkdir -p /new/.project/lower /new/.project/rw
mount -t virtiofs -o ro project /new/.project/lower
mount -t tmpfs rw /new/.project/rw
mkdir /new/.project/rw/upper /new/.project/rw/work
mount -t overlay -o lowerdir=/new/.project/lower,upperdir=/new/.project/rw/upper,workdir=/new/.project/rw/work project ${project}`;
  return `#!/bin/busybox sh
export PATH=/bin
/bin/busybox --install -s /bin
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
for module in ${kernel.order.join(' ')}; do insmod /modules/$module.ko; done
mount -t tmpfs -o mode=755 root /new
cd /new
mkdir -p usr proc sys dev etc tmp run root home opt mnt media srv boot var/tmp var/lib var/log var/cache var/spool
chmod 1777 var/tmp
mount -t tmpfs -o mode=755 run run
mount -t tmpfs -o mode=1777 tmp tmp
ln -s /run var/run
mount -t virtiofs -o ro usr usr
for name in bin sbin lib lib32 lib64 libx32; do [ -e usr/$name ] && ln -s usr/$name $name; done
cp -a /etc/. etc/
${wanted.copies.map((path) => `mkdir -p ${quote(`.${dirname(path)}`)}; cp -a ${quote(path)} ${quote(`.${path}`)}`).join('\n')}
mkdir -p ${project}
${shareProject}
mkdir run/guest
cp /main /command run/guest/
for name in dev proc sys; do mount --move /$name $name; done
cd /
exec switch_root /new /usr/bin/busybox sh /run/guest/main
`;
}

/**
 * The guest's pid 1. Output goes through pipes to the two ports, and the wait for their end is bounded: a
 * daemon left behind by the command may hold them open.
 */
const mainScript = `
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 TERM=dumb
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs -o mode=1777 shm /dev/shm
mount -t securityfs securityfs /sys/kernel/security
mount -t tracefs tracefs /sys/kernel/tracing
mount -t debugfs debugfs /sys/kernel/debug
mount -t bpf bpf /sys/fs/bpf
mount -t cgroup2 cgroup2 /sys/fs/cgroup
ln -s /proc/self/fd /dev/fd
ln -s fd/0 /dev/stdin
ln -s fd/1 /dev/stdout
ln -s fd/2 /dev/stderr
hostname guest
ip link set lo up
ulimit -n 65536
for port in /sys/class/virtio-ports/*; do
  read -r name < $port/name
  case $name in
    control) control=/dev/\${port##*/} ;;
    stdout) out=/dev/\${port##*/} ;;
    stderr) err=/dev/\${port##*/} ;;
  esac
done
mkfifo /run/guest/out /run/guest/err
busybox cat < /run/guest/out > $out & drain="$!"
busybox cat < /run/guest/err > $err & drain="$drain $!"
/usr/bin/setsid -w /usr/bin/sh /run/guest/command < /dev/null > /run/guest/out 2> /run/guest/err
code=$?
tries=0
while kill -0 $drain 2> /dev/null && [ $tries -lt 20 ]; do sleep 0.1; tries=$((tries + 1)); done
echo "exit $code" > $control
sync
busybox reboot -f
`;
