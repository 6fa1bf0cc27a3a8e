import fs from 'node:fs';
import { native } from './libbpf.ts';

const MOUNTS = ['/sys/kernel/tracing', '/sys/kernel/debug/tracing'];
const SYS_FSOPEN = 430;
const SYS_FSCONFIG = 431;
const SYS_FSMOUNT = 432;
const FSCONFIG_CMD_CREATE = 6;
const CLOEXEC = 1;

/** Where tracepoint ids are read. */
export interface Tracefs {
  /** The id of `syscalls/sys_exit_openat` and the like; undefined if the kernel has no such tracepoint. */
  id(category: string, name: string): number | undefined;
  close(): void;
}

function reader(root: string, close: () => void): Tracefs {
  return {
    id(category, name) {
      try {
        return Number(fs.readFileSync(`${root}/events/${category}/${name}/id`, 'utf8'));
      } catch {
        return undefined;
      }
    },
    close,
  };
}

/**
 * tracefs where it is mounted, or else an instance of our own that is attached to no folder: nobody sees it, and
 * it is gone with its fd. Undefined when the kernel has none or does not let us.
 */
export function openTracefs(): Tracefs | undefined {
  const mounted = MOUNTS.find((root) => fs.existsSync(`${root}/events`));
  if (mounted !== undefined) return reader(mounted, () => {});
  const { syscall, close } = native();
  const fsFd = syscall(SYS_FSOPEN, Buffer.from('tracefs\0'), CLOEXEC, 0, 0, 0);
  if (fsFd < 0) return undefined;
  const created = syscall(SYS_FSCONFIG, fsFd, FSCONFIG_CMD_CREATE, null, null, 0);
  const mount = created < 0 ? -1 : syscall(SYS_FSMOUNT, fsFd, CLOEXEC, 0, 0, 0);
  close(fsFd);
  if (mount < 0) return undefined;
  return reader(`/proc/self/fd/${mount}`, () => close(mount));
}
