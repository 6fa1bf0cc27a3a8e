import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type GuardedPaths, PIN_DIR } from '../enforce/index.ts';
import { cgroup2Mount } from '../sensors/bpf/probe.ts';
import type { Config } from './config/config.ts';
import { PACKAGE_ROOT } from './core/package.ts';

/** Of the package: what is executed or loaded. In a source tree the rest is somebody's work. */
const PROGRAM = ['bin', 'dist', 'bpf', 'rules', 'node_modules'].map((name) => join(PACKAGE_ROOT, name));
const UNIT = '/etc/systemd/system/ringfence.service';

/** What the engine guards against everybody else when it refuses at all. */
export function guardedPaths(
  config: Config,
  configFile: string | undefined,
  ruleFiles: readonly string[],
): GuardedPaths {
  const audit = (config.outputs.audit ?? {}) as { readonly enabled?: boolean; readonly path?: string };
  const folders = [...PROGRAM, config.state_dir, ...config.rules_files];
  if (audit.enabled !== false && audit.path !== undefined) folders.push(audit.path);
  const files = [process.execPath, join(PACKAGE_ROOT, 'package.json'), UNIT, ...ruleFiles];
  if (config.control.enabled) files.push(config.control.socket);
  if (configFile !== undefined) {
    files.push(configFile);
    folders.push(join(dirname(configFile), 'config.d'));
  }
  return {
    files: [...files, ...killSwitches()],
    folders,
    maintainers: config.enforcement.maintainers,
    pins: config.enforcement.pin ? PIN_DIR : undefined,
  };
}

/** Files of cgroups by which all in them is killed, frozen, or starved of memory or processors. */
const SWITCHES: Readonly<Record<string, readonly string[]>> = {
  '': ['cgroup.kill', 'cgroup.freeze', 'memory.max', 'memory.high', 'cpu.max', 'cpuset.cpus'],
  freezer: ['freezer.state'],
  memory: ['memory.limit_in_bytes'],
  cpu: ['cpu.cfs_quota_us'],
  cpuset: ['cpuset.cpus'],
};

/** Those of the cgroups that the engine is in, in each hierarchy. */
function killSwitches(): string[] {
  const mounts = cgroupMounts();
  return readFileSync('/proc/self/cgroup', 'latin1')
    .split('\n')
    .flatMap((line) => {
      const [, controllers = '', own = '/'] = /^\d+:([^:]*):(.+)$/.exec(line) ?? [];
      return controllers.split(',').flatMap((controller) => {
        const mount = mounts.get(controller);
        return mount === undefined ? [] : switchesOf(mount, own, SWITCHES[controller] ?? []);
      });
    });
}

function switchesOf(mount: string, own: string, names: readonly string[]): string[] {
  const found: string[] = [];
  for (let path = own; path !== '/'; path = dirname(path)) {
    found.push(...names.map((name) => join(mount, path, name)).filter((file) => existsSync(file)));
  }
  return found;
}

/** Where hierarchies are mounted, by controller; the unified one has no name. */
function cgroupMounts(): Map<string, string> {
  const mounts = new Map<string, string>();
  const unified = cgroup2Mount();
  if (unified !== undefined) mounts.set('', unified);
  for (const line of readFileSync('/proc/self/mounts', 'latin1').split('\n')) {
    const [, where = '', type, options = ''] = line.split(' ');
    if (type === 'cgroup') for (const option of options.split(',')) mounts.set(option, where);
  }
  return mounts;
}
