import { readlinkSync } from 'node:fs';

/** The PID namespace of the host: its number is fixed (PROC_PID_INIT_INO of linux/proc_ns.h). */
const HOST_PIDS = 'pid:[4026531836]';

/** Whether the process numbers in records, which are the host's, are those that /proc shows to us. */
export const seesHostPids = (): boolean => readlinkSync('/proc/self/ns/pid') === HOST_PIDS;
