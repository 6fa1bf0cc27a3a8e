import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { native, progOptions } from '../src/sensors/bpf/libbpf.ts';
import { ATTACH, insn, PROG } from '../src/sensors/bpf/probe-program.ts';

const STATS = '/proc/sys/kernel/bpf_stats_enabled';

/** Runs something while the kernel counts the run time of BPF programs. */
export async function withRunTimes<T>(run: () => Promise<T>): Promise<T> {
  const before = readFileSync(STATS, 'utf8');
  writeFileSync(STATS, '1');
  try {
    return await run();
  } finally {
    writeFileSync(STATS, before);
  }
}

/** What the kernel counted of a program since it was loaded. */
export function runTime(fd: number): { readonly ns: number; readonly runs: number } {
  const info = readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
  const value = (name: string): number => Number(new RegExp(`^${name}:\\s*(\\d+)`, 'm').exec(info)?.[1]);
  return { ns: value('run_time_ns'), runs: value('run_cnt') };
}

/** Kernel memory of all BPF maps that a process holds, in bytes; each map once. */
export function mapMemory(pid: number | 'self'): number {
  const maps = new Map<string, number>();
  for (const fd of readdirSync(`/proc/${pid}/fdinfo`)) {
    try {
      const info = readFileSync(`/proc/${pid}/fdinfo/${fd}`, 'latin1');
      const id = /^map_id:\s*(\d+)/m.exec(info)?.[1];
      const bytes = /^memlock:\s*(\d+)/m.exec(info)?.[1];
      if (id !== undefined) maps.set(id, Number(bytes));
    } catch {
      // The descriptor of this very listing is gone by now.
    }
  }
  return [...maps.values()].reduce((a, b) => a + b, 0);
}

/** A program at a cgroup that lets every connect through: what there is to pay for any program. */
export function attachEmpty(cgroup: string): { readonly fd: number; readonly close: () => void } {
  const lib = native();
  const code = Buffer.concat([insn(0xb7, 0, 0, 0, 1), insn(0x95)]); // r0 = 1; exit
  const options = progOptions({ expected_attach_type: ATTACH.cgroupConnect4 });
  const fd = lib.progLoad(PROG.cgroupSockAddr, 'rf_empty', 'GPL', code, code.length / 8, options);
  const folder = openSync(cgroup, 'r');
  const link = lib.linkCreate(fd, folder, ATTACH.cgroupConnect4, null);
  closeSync(folder);
  if (fd < 0 || link < 0) throw new Error('cannot attach an empty program');
  return {
    fd,
    close: () => {
      lib.close(link);
      lib.close(fd);
    },
  };
}
