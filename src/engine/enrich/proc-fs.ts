import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';

/** What /proc says of a process. Times in ticks since boot, texts as bytes. */
export interface ProcEntry {
  readonly pid: number;
  readonly ppid: number;
  readonly vpid: number;
  readonly comm: string;
  readonly startTicks: number;
  readonly pgid: number;
  readonly sid: number;
  readonly vpgid: number;
  readonly tty: number;
  readonly argv: string;
  readonly exepath: string | undefined;
  readonly exeFile: { readonly ino: bigint; readonly ctimeNs: bigint; readonly mtimeNs: bigint } | undefined;
  /** What its PID namespace is called, if it has one of its own. */
  readonly pidns: string | undefined;
  readonly cwd: string | undefined;
  readonly cgroup: string | undefined;
}

/** Ticks of the clock in /proc/PID/stat; 100 a second on every architecture that we run on. */
export const TICK_NS = 10_000_000;

const ARGV_MAX = 4096;

/** The processes that /proc lists, in order of their numbers. */
export function listPids(root = '/proc'): number[] {
  return readdirSync(root)
    .filter((name) => /^[1-9]\d*$/.test(name))
    .map(Number);
}

/** Reads one process; undefined when it is gone. */
export function readProcess(pid: number, root = '/proc'): ProcEntry | undefined {
  const dir = `${root}/${pid}`;
  const stat = read(`${dir}/stat`);
  const status = read(`${dir}/status`);
  if (stat === undefined || status === undefined) return undefined;
  // The name may hold blanks and parentheses: fields are counted from the last one.
  const close = stat.lastIndexOf(')');
  const field = stat.slice(close + 2).split(' ');
  const argv = read(`${dir}/cmdline`);
  const vpid = innermost(status, 'NSpid') ?? pid;
  const base = link(`${dir}/root`);
  return {
    pid,
    comm: stat.slice(stat.indexOf('(') + 1, close),
    ppid: Number(field[1]),
    pgid: Number(field[2]),
    sid: innermost(status, 'NSsid') ?? Number(field[3]),
    vpgid: innermost(status, 'NSpgid') ?? Number(field[2]),
    vpid,
    tty: Number(field[4]) >>> 0,
    startTicks: Number(field[19]),
    argv: (argv ?? '').slice(0, ARGV_MAX),
    exepath: below(link(`${dir}/exe`), base)?.replace(/ \(deleted\)$/, ''),
    exeFile: file(`${dir}/exe`),
    pidns: vpid === pid ? undefined : link(`${dir}/ns/pid`),
    cwd: below(link(`${dir}/cwd`), base),
    cgroup: read(`${dir}/cgroup`),
  };
}

/** Text of /proc/PID/cgroup; undefined when the process is gone. */
export function readCgroup(pid: number, root = '/proc'): string | undefined {
  return read(`${root}/${pid}/cgroup`);
}

/** A number in the innermost namespace: the last of the line. */
function innermost(status: string, key: string): number | undefined {
  const line = new RegExp(`^${key}:\\s*(.*)$`, 'm').exec(status)?.[1];
  const last = line?.trim().split(/\s+/).at(-1);
  return last === undefined || last === '' ? undefined : Number(last);
}

function read(path: string): string | undefined {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

function link(path: string): string | undefined {
  try {
    return readlinkSync(path, 'latin1');
  } catch {
    return undefined;
  }
}

/** A path from a process's root, as the kernel tells it of later programs. */
function below(path: string | undefined, root: string | undefined): string | undefined {
  if (path === root) return path && '/';
  return path?.startsWith(`${root}/`) ? path.slice(root?.length) : path;
}

function file(path: string): ProcEntry['exeFile'] {
  try {
    return statSync(path, { bigint: true });
  } catch {
    return undefined;
  }
}
