import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type GuardedPaths, PIN_DIR } from '../enforce/index.ts';
import { cgroup2Mount } from '../sensors/probe.ts';
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

/** The files by which a cgroup with the engine in it is killed or frozen. */
function killSwitches(): string[] {
  const mount = cgroup2Mount();
  const own = /^0::(.+)$/m.exec(readFileSync('/proc/self/cgroup', 'latin1'))?.[1];
  if (mount === undefined || own === undefined) return [];
  const found: string[] = [];
  for (let path = own; path !== '/'; path = dirname(path)) {
    for (const name of ['cgroup.kill', 'cgroup.freeze']) {
      const file = join(mount, path, name);
      if (existsSync(file)) found.push(file);
    }
  }
  return found;
}
