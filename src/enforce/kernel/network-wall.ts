import fs from 'node:fs';
import type { BpfLink, BpfObject } from '../../sensors/bpf/bpf.ts';

/** Programs of the object that refuse network operations by deny list and rules. */
export const WALL_PROGRAMS: readonly string[] = ['rf_connect4', 'rf_connect6', 'rf_sendmsg4', 'rf_sendmsg6'];

/** The same with the deny list alone, for kernels that do not give these programs the storage of tasks. */
export const LIST_PROGRAMS: readonly string[] = WALL_PROGRAMS.map((name) => name.replace('rf_', 'rf_list_'));

/** The rules on the address that a socket is given. */
export const BIND_PROGRAMS = ['rf_bind4', 'rf_bind6'] as const;

/** Cuts connections that are older than an entry, and raw packets: a look at every packet that leaves. */
export const EGRESS_PROGRAM = 'rf_egress';

/** The id that the kernel knows a cgroup by: its folder's inode. undefined = there is none with this path. */
export function cgroupId(path: string): bigint | undefined {
  try {
    return fs.statSync(path, { bigint: true }).ino;
  } catch {
    return undefined;
  }
}

/** Attaches the wall at a cgroup: it holds for all tasks below. */
export function attachWall(
  object: BpfObject,
  cgroup: string,
  programs: readonly string[],
): Map<string, BpfLink> {
  const fd = fs.openSync(cgroup, 'r');
  const links = new Map<string, BpfLink>();
  try {
    for (const program of programs) links.set(program, object.attachCgroup(program, fd));
    return links;
  } catch (error) {
    for (const link of links.values()) link.destroy();
    throw error;
  } finally {
    fs.closeSync(fd);
  }
}

/** Whether somebody else cut a link of the wall: the kernel keeps it, without its cgroup. */
export function isCut(link: BpfLink): boolean {
  return /^cgroup_id:\s+0$/m.test(fs.readFileSync(`/proc/self/fdinfo/${link.fd}`, 'latin1'));
}
