import { accessSync, constants, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { arch, release } from 'node:os';
import { dirname, join } from 'node:path';
import { cgroup2Mount } from '../../sensors/bpf/probe.ts';
import { CAPABILITIES as ALL_CAPABILITIES } from '../../sensors/events/names.ts';
import { seesHostPids } from '../../sensors/pid-namespace.ts';
import { CAPABILITIES } from '../cli/service-unit.ts';
import { PACKAGE_ROOT } from '../core/package.ts';
import { runtimeSockets } from '../enrich/runtimes.ts';
import type { Check, Finding } from './check.ts';

const read = (file: string): string => readFileSync(file, 'utf8').trim();
const ok = (found: string): Finding => ({ status: 'ok', found });

/** `5.10.0-33-amd64` as a comparable number; undefined if it is not a version. */
export function kernelVersion(text: string): number | undefined {
  const match = /^(\d+)\.(\d+)/.exec(text);
  return match ? Number(match[1]) * 1000 + Number(match[2]) : undefined;
}

/** Capabilities of the unit that a mask of /proc/self/status lacks. CAP_SYS_ADMIN stands for those about BPF. */
export function missingCapabilities(hex: string): string[] {
  const mask = BigInt(`0x${hex}`);
  const has = (name: string): boolean => ((mask >> BigInt(ALL_CAPABILITIES.indexOf(name))) & 1n) === 1n;
  return Object.keys(CAPABILITIES).filter(
    (name) => !has(name) && !(OF_ADMIN.has(name) && has('CAP_SYS_ADMIN')),
  );
}

const OF_ADMIN = new Set(['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN']);
const VITAL = ['CAP_BPF', 'CAP_PERFMON'];

function permissions(): Finding {
  const missing = missingCapabilities(/^CapEff:\s*([0-9a-f]+)/m.exec(read('/proc/self/status'))?.[1] ?? '0');
  const who = `uid ${process.geteuid?.()}`;
  if (missing.length === 0) return ok(`${who}, all capabilities that it needs`);
  const reasons = Object.entries(CAPABILITIES).filter(([name]) => missing.includes(name));
  return {
    status: VITAL.some((name) => missing.includes(name)) ? 'fail' : 'warn',
    found: `${who} without ${missing.join(', ')}`,
    need: reasons.map(([name, why]) => `${name}: ${why}`).join('; '),
    advice:
      'run as root, or with the capabilities of the unit that `ringfence install-service --print` shows',
    denied: true,
  };
}

function kernel(): Finding {
  const version = kernelVersion(release());
  const found = `Linux ${release()} ${arch()}`;
  if (version === undefined) return { status: 'unknown', found };
  if (version < 5010) return { status: 'fail', found, need: '5.10 or newer', denied: true };
  return ok(found);
}

function pids(): Finding {
  if (seesHostPids()) return ok("the host's PID namespace");
  return {
    status: 'fail',
    found: 'a PID namespace of its own',
    need: 'the process numbers of the host, which records carry',
    advice: '`docker run --pid=host`, or `hostPID: true` in the pod',
    denied: true,
  };
}

function btf(): Finding {
  const file = '/sys/kernel/btf/vmlinux';
  if (existsSync(file)) return ok(`${file}, ${Math.round(statSync(file).size / 1024)} KiB`);
  return {
    status: 'fail',
    found: `no ${file}`,
    need: 'a kernel built with CONFIG_DEBUG_INFO_BTF=y',
    advice: 'every Debian, Ubuntu, Fedora and RHEL kernel since 2020 has it; in a container mount /sys',
    denied: true,
  };
}

function libbpf(): Finding {
  const folders = [
    '/usr/lib/x86_64-linux-gnu',
    '/usr/lib/aarch64-linux-gnu',
    '/lib64',
    '/usr/lib64',
    '/usr/lib',
    '/usr/local/lib',
  ];
  const file = folders.map((folder) => join(folder, 'libbpf.so.1')).find((name) => existsSync(name));
  if (file) return ok(file);
  return {
    status: 'fail',
    found: 'no libbpf.so.1',
    need: 'libbpf 1.0 or newer',
    advice: 'apt-get install libbpf1',
  };
}

function lsmList(): Finding {
  const file = '/sys/kernel/security/lsm';
  if (!existsSync(file)) return { status: 'unknown', found: `no ${file} (securityfs not mounted)` };
  const list = read(file);
  if (list.split(',').includes('bpf'))
    return ok(`${list} (whether LSM programs really load is the tier "lsm" below)`);
  return {
    status: 'warn',
    found: list,
    need: '"bpf" in the list to refuse operations through BPF LSM',
    advice: 'boot with lsm=…,bpf (all of the present list, then bpf)',
  };
}

async function tracefs(): Promise<Finding> {
  const folder = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'].find((path) =>
    existsSync(join(path, 'events')),
  );
  if (folder) return ok(folder);
  const { openTracefs } = await import('../../sensors/bpf/tracefs.ts');
  const own = openTracefs();
  own?.close();
  if (own) return ok('not mounted; the engine can open an instance of its own');
  return {
    status: 'warn',
    found: 'tracefs is not mounted, nor can it be opened',
    need: 'tracefs on kernels without BPF trampolines, where else a program runs at every call',
    advice: 'mount -t tracefs tracefs /sys/kernel/tracing',
  };
}

function cgroup2(): Finding {
  const mount = cgroup2Mount();
  if (mount) return ok(mount);
  return {
    status: 'warn',
    found: 'no cgroup2 mount',
    need: 'cgroup v2 to refuse connections without BPF LSM',
  };
}

function bpffs(): Finding {
  const mounted = read('/proc/self/mounts').includes(' /sys/fs/bpf bpf ');
  if (mounted) return ok('/sys/fs/bpf');
  return {
    status: 'warn',
    found: '/sys/fs/bpf is not mounted',
    need: 'bpffs for `pin: true`',
    advice: 'mount -t bpf bpf /sys/fs/bpf',
  };
}

function object(): Finding {
  const folder = join(PACKAGE_ROOT, 'bpf/lsm/prebuilt');
  const objects = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.bpf.o')) : [];
  if (objects.length > 0) return ok(`${objects.join(', ')} in ${folder}`);
  return {
    status: 'fail',
    found: `no object in ${folder}`,
    need: 'the built BPF object',
    advice: 'make -C bpf/lsm',
  };
}

function writable(path: string): Finding {
  const folder = existsSync(path) ? path : dirname(path);
  try {
    accessSync(folder, constants.W_OK);
    return ok(existsSync(path) ? path : `${path} will be made`);
  } catch {
    return {
      status: 'warn',
      found: `${folder} is not writable`,
      need: 'a place to write',
      advice: 'run as root or change the path',
    };
  }
}

function clock(): Finding {
  if (existsSync('/run/systemd/timesync/synchronized') || existsSync('/run/chrony/chronyd.pid'))
    return ok('synchronised');
  return {
    status: 'unknown',
    found: 'no timesyncd or chrony seen: whether the clock is synchronised is not known',
  };
}

function sockets(root: string): Finding {
  const there = runtimeSockets(root);
  return ok(
    there.length > 0
      ? there.join(', ')
      : 'no container runtime found (names and images of containers stay unknown)',
  );
}

/** What can be seen without loading anything into the kernel. */
export function hostChecks(config: { state_dir: string; socket: string; root: string }): Check[] {
  return [
    { name: 'node', title: 'Node.js', run: () => ok(process.version) },
    { name: 'kernel', title: 'Kernel', run: kernel },
    { name: 'permissions', title: 'Permissions', run: permissions },
    { name: 'pids', title: 'Process numbers', run: pids },
    { name: 'btf', title: 'Kernel types (BTF)', run: btf },
    { name: 'libbpf', title: 'libbpf', run: libbpf },
    { name: 'object', title: 'BPF object', run: object },
    { name: 'lsm', title: 'Security modules', run: lsmList },
    { name: 'cgroup', title: 'cgroup v2', run: cgroup2 },
    { name: 'tracefs', title: 'tracefs', run: tracefs },
    { name: 'bpffs', title: 'bpffs', run: bpffs },
    { name: 'state', title: 'State folder', run: () => writable(config.state_dir) },
    { name: 'socket', title: 'Control socket', run: () => writable(dirname(config.socket)) },
    { name: 'runtimes', title: 'Container runtimes', run: () => sockets(config.root) },
    { name: 'clock', title: 'Clock', run: clock },
  ];
}
