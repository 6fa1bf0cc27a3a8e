import { constants } from 'node:fs';
import { open, stat } from 'node:fs/promises';
import { type Accounts, parseGroup, parsePasswd, type User } from './accounts.ts';
import type { ContainerInfo } from './container.ts';

/** A container's file is its own to write: more than this is not read. */
const FILE_MAX = 1024 * 1024;
/** A name that is not found makes the files be read again, but not more often than this. */
const RELOAD_MS = 200;
/** While there is nothing to read yet (the container's root is not in place), each event may try again. */
const RETRY_MS = 5;
const CONTAINERS_MAX = 4_096;
const QUEUE_MAX = 64;

interface Entry {
  readonly container: ContainerInfo;
  /** Undefined until the files were read once. */
  accounts: Accounts | undefined;
  loading: boolean;
  /** A process that was seen while the files were read below another one: the next to try. */
  next: number | undefined;
  /** The process below which they were found: the one that asks may have ended by now. */
  found: Below | undefined;
  triedAt: number;
}

/** A process and its root: the number alone may be another's by now. */
interface Below {
  readonly pid: number;
  readonly root: string;
}

/**
 * The users of containers. Their files are read in the background, since what a container's file system does on a read
 * is not ours to trust; one at a time, so that one that never answers holds up other containers and not the engine.
 */
export class ContainerUsers {
  readonly #entries = new Map<string, Entry>();
  readonly #proc: string | undefined;
  #queue: Promise<void> = Promise.resolve();
  #queued = 0;
  onSettled: ((container: ContainerInfo) => void) | undefined;

  constructor(proc: string | undefined) {
    this.#proc = proc;
  }

  user(uid: number, container: ContainerInfo, pid: number): User | undefined {
    const entry = this.#entry(container, pid);
    const user = entry.accounts?.users.get(uid);
    if (user === undefined) this.#reload(pid, entry);
    return user;
  }

  group(gid: number, container: ContainerInfo, pid: number): string | undefined {
    const entry = this.#entry(container, pid);
    const name = entry.accounts?.groups.get(gid);
    if (name === undefined) this.#reload(pid, entry);
    return name;
  }

  /** For a process that has just begun to run a program: its root is in place. */
  prepare(container: ContainerInfo, pid: number): void {
    const entry = this.#entry(container, pid);
    if (entry.accounts !== undefined) return;
    if (entry.loading) entry.next = pid;
    else this.#load(pid, entry);
  }

  pending(container: ContainerInfo): boolean {
    const entry = this.#entries.get(container.fullId);
    return entry?.loading === true && entry.accounts === undefined;
  }

  awaits(uid: number, container: ContainerInfo, pid: number): boolean {
    if (uid === 0 || this.user(uid, container, pid) !== undefined) return false;
    return this.#entries.get(container.fullId)?.loading === true;
  }

  #entry(container: ContainerInfo, pid: number): Entry {
    const found = this.#entries.get(container.fullId);
    if (found !== undefined) return found;
    if (this.#entries.size >= CONTAINERS_MAX) {
      const oldest = this.#entries.keys().next().value;
      if (oldest !== undefined) this.#entries.delete(oldest);
    }
    const entry: Entry = {
      container,
      accounts: undefined,
      loading: false,
      next: undefined,
      found: undefined,
      triedAt: Number.NEGATIVE_INFINITY,
    };
    this.#entries.set(container.fullId, entry);
    this.#reload(pid, entry);
    return entry;
  }

  #reload(pid: number, entry: Entry): void {
    const wait = entry.accounts === undefined ? RETRY_MS : RELOAD_MS;
    if (!entry.loading && performance.now() - entry.triedAt >= wait) this.#load(pid, entry);
  }

  #load(pid: number, entry: Entry): void {
    const proc = this.#proc;
    if (proc === undefined || this.#queued >= QUEUE_MAX) return;
    entry.loading = true;
    entry.next = undefined;
    entry.triedAt = performance.now();
    this.#queued++;
    this.#queue = this.#queue.then(async () => {
      await readAccounts(entry, pid, proc);
      entry.loading = false;
      this.#queued--;
      if (entry.accounts === undefined && entry.next !== undefined) this.#load(entry.next, entry);
      else this.onSettled?.(entry.container);
    });
  }
}

/** Reads the accounts below the root of the container, where it was found before or below another process. */
async function readAccounts(entry: Entry, pid: number, proc: string): Promise<void> {
  const { found } = entry;
  const same = found !== undefined && (await ownRoot(found.pid, proc)) === found.root;
  const below = same ? found.pid : pid;
  const root = same ? found.root : await ownRoot(pid, proc);
  if (root === undefined) return;
  const passwd = await readInRoot(below, 'passwd', proc);
  const group = await readInRoot(below, 'group', proc);
  if (passwd === undefined && group === undefined) return;
  entry.accounts = { users: parsePasswd(passwd ?? ''), groups: parseGroup(group ?? '') };
  entry.found = { pid: below, root };
}

/**
 * What tells the root of a process from others; undefined when it is gone or is the host's: a runtime joins the
 * container's cgroup before it changes the root, and the host's users are not the container's.
 */
async function ownRoot(pid: number, proc: string): Promise<string | undefined> {
  try {
    const [own, host] = await Promise.all([stat(`${proc}/${pid}/root/`), stat('/')]);
    return own.dev === host.dev && own.ino === host.ino ? undefined : `${own.dev}:${own.ino}`;
  } catch {
    return undefined;
  }
}

/**
 * Reads etc/NAME below the root of a process. No symbolic link is followed (an absolute one would lead into our own
 * root), and only a plain file of bounded size is read.
 */
export async function readInRoot(pid: number, name: string, proc = '/proc'): Promise<string | undefined> {
  try {
    const dir = await open(
      `${proc}/${pid}/root/etc`,
      constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW,
    );
    try {
      const file = await open(
        `/proc/self/fd/${dir.fd}/${name}`,
        constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK,
      );
      try {
        if (!(await file.stat()).isFile()) return undefined;
        const buffer = Buffer.alloc(FILE_MAX);
        const { bytesRead } = await file.read(buffer, 0, FILE_MAX, 0);
        return buffer.toString('latin1', 0, bytesRead);
      } finally {
        await file.close();
      }
    } finally {
      await dir.close();
    }
  } catch {
    return undefined;
  }
}
