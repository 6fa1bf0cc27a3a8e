import { constants } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { type Accounts, parseGroup, parsePasswd, type User } from './accounts.ts';
import type { ContainerInfo } from './container.ts';

/** A container's file is its own to write: more than this is not read. */
const FILE_MAX = 1024 * 1024;
/** A name that is not found makes the files be read again, but not more often than this. */
const RELOAD_MS = 200;
/** While there is nothing to read yet (the container's root is not in place), each event may try again. */
const RETRY_MS = 5;
const CONTAINERS_MAX = 4_096;
/** Node has no name for it. */
const O_PATH = 0o10000000;
const QUEUE_MAX = 64;

interface Entry {
  readonly container: ContainerInfo;
  /** Undefined until the files were read once. */
  accounts: Accounts | undefined;
  loading: boolean;
  /** A process that was seen while the files were read below another one: the next to try. */
  next: Candidate | undefined;
  /** The process below which they were found: the one that asks may have ended by now. */
  found: Below | undefined;
  triedAt: number;
}

/** A process that the files may be read below; its root is held, since it may have ended when it is its turn. */
interface Candidate {
  readonly pid: number;
  readonly root: Promise<FileHandle | undefined>;
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
    const proc = this.#proc;
    if (proc === undefined || this.#queued >= QUEUE_MAX) return;
    const candidate = { pid, root: openRoot(pid, proc) };
    if (entry.loading) {
      dismiss(entry.next);
      entry.next = candidate;
    } else this.#load(candidate, entry, proc);
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
    const proc = this.#proc;
    const wait = entry.accounts === undefined ? RETRY_MS : RELOAD_MS;
    if (proc === undefined || entry.loading || performance.now() - entry.triedAt < wait) return;
    if (this.#queued < QUEUE_MAX) this.#load({ pid, root: openRoot(pid, proc) }, entry, proc);
  }

  #load({ pid, root: opened }: Candidate, entry: Entry, proc: string): void {
    entry.loading = true;
    entry.triedAt = performance.now();
    this.#queued++;
    this.#queue = this.#queue.then(async () => {
      const root = await opened;
      await readAccounts(entry, pid, root, proc);
      await root?.close();
      entry.loading = false;
      this.#queued--;
      const { next } = entry;
      entry.next = undefined;
      if (entry.accounts === undefined && next !== undefined) this.#load(next, entry, proc);
      else {
        dismiss(next);
        this.onSettled?.(entry.container);
      }
    });
  }
}

function dismiss(candidate: Candidate | undefined): void {
  void candidate?.root.then((root) => root?.close());
}

/** Reads the accounts below the root of the container, where it was found before or below another process. */
async function readAccounts(
  entry: Entry,
  pid: number,
  root: FileHandle | undefined,
  proc: string,
): Promise<void> {
  const { found } = entry;
  const before = found === undefined ? undefined : await openRoot(found.pid, proc);
  const same = before !== undefined && (await rootName(before)) === found?.root;
  const below = same ? before : root;
  if (below !== undefined) {
    const passwd = await readBelow(below, 'passwd');
    const group = await readBelow(below, 'group');
    if (passwd !== undefined || group !== undefined) {
      entry.accounts = { users: parsePasswd(passwd ?? ''), groups: parseGroup(group ?? '') };
      if (!same) entry.found = { pid, root: await rootName(below) };
    }
  }
  await before?.close();
}

/**
 * Holds the root of a process; undefined when it is gone or is the host's: a runtime joins the container's cgroup
 * before it changes the root, and the host's users are not the container's.
 */
async function openRoot(pid: number, proc: string): Promise<FileHandle | undefined> {
  try {
    const root = await open(`${proc}/${pid}/root`, O_PATH | constants.O_DIRECTORY);
    const host = await stat('/');
    if ((await rootName(root)) !== `${host.dev}:${host.ino}`) return root;
    await root.close();
  } catch {
    // It has ended.
  }
  return undefined;
}

/** What tells a root from others. */
async function rootName(root: FileHandle): Promise<string> {
  const { dev, ino } = await root.stat();
  return `${dev}:${ino}`;
}

/**
 * Reads etc/NAME below a root. No symbolic link is followed (an absolute one would lead into our own root), and only
 * a plain file of bounded size is read.
 */
export async function readBelow(root: FileHandle, name: string): Promise<string | undefined> {
  try {
    const dir = await open(
      `/proc/self/fd/${root.fd}/etc`,
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
