import { readFileSync } from 'node:fs';

/** Whether there are cgroup hierarchies of version 1: then a task is in several cgroups at once. */
export function usesCgroupV1(proc = '/proc'): boolean {
  try {
    return readFileSync(`${proc}/self/cgroup`, 'latin1')
      .split('\n')
      .some((line) => line !== '' && !line.startsWith('0::'));
  } catch {
    return false;
  }
}
