import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { findSocket, SOCKET_TABLES } from './socket-tables.ts';

/** What a descriptor of a running process is. */
export interface LiveFd {
  readonly type: string;
  readonly name: string;
}

const FDS_MAX = 4_096;
const NET_MAX = 4 * 1024 * 1024;

/** anon_inode:[NAME] and what Falco calls it. */
const ANONYMOUS: Readonly<Record<string, string>> = {
  eventfd: 'event',
  signalfd: 'signalfd',
  eventpoll: 'eventpoll',
  timerfd: 'timerfd',
  userfaultfd: 'userfaultfd',
  io_uring: 'io_uring',
  pidfd: 'pidfd',
  inotify: 'inotify',
  'bpf-map': 'bpf',
  'bpf-prog': 'bpf',
};

/** A running process as /proc shows it now. Everything is missing once it is gone. */
export class LiveProcess {
  readonly #dir: string;

  constructor(pid: number, root = '/proc') {
    this.#dir = `${root}/${pid}`;
  }

  /** Numbers of its open descriptors. */
  fds(): number[] {
    try {
      return readdirSync(`${this.#dir}/fd`).slice(0, FDS_MAX).map(Number);
    } catch {
      return [];
    }
  }

  fd(fd: number): LiveFd | undefined {
    try {
      return this.#describe(readlinkSync(`${this.#dir}/fd/${fd}`, 'latin1'));
    } catch {
      return undefined;
    }
  }

  /** A number of /proc/PID/status. */
  status(key: string): number | undefined {
    const text = this.#read('status');
    const value = text === undefined ? undefined : new RegExp(`^${key}:\\s*(\\d+)`, 'm').exec(text)?.[1];
    return value === undefined ? undefined : Number(value);
  }

  fdLimit(): number | undefined {
    const value = /^Max open files\s+(\d+)/m.exec(this.#read('limits') ?? '')?.[1];
    return value === undefined ? undefined : Number(value);
  }

  /** Text of the cgroup file: one line a hierarchy. */
  cgroups(): readonly { readonly controllers: string; readonly path: string }[] {
    return (this.#read('cgroup') ?? '')
      .split('\n')
      .map((line) => /^\d+:([^:]*):(.*)$/.exec(line))
      .filter((match) => match !== null)
      .map((match) => ({ controllers: match[1]!, path: match[2]! }));
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(`${this.#dir}/${name}`, 'latin1');
    } catch {
      return undefined;
    }
  }

  #describe(target: string): LiveFd {
    const [, kind, rest] = /^(\w+):\[?([^\]]*)\]?$/.exec(target) ?? [];
    if (kind === 'pipe') return { type: 'pipe', name: '' };
    if (kind === 'socket') return this.#socket(rest ?? '');
    if (kind === 'anon_inode') return { type: ANONYMOUS[rest ?? ''] ?? '<NA>', name: '' };
    if (target.startsWith('/memfd:'))
      return { type: 'memfd', name: target.slice(7).replace(/ \(deleted\)$/, '') };
    return { type: 'file', name: target.replace(/ \(deleted\)$/, '') };
  }

  /** Finds a socket by its inode in the tables of the process's network namespace. */
  #socket(inode: string): LiveFd {
    for (const table of SOCKET_TABLES) {
      const text = this.#read(`net/${table}`)?.slice(0, NET_MAX) ?? '';
      const found = findSocket(table, text, inode);
      if (found !== undefined) return found;
    }
    return { type: '<NA>', name: '' };
  }
}
