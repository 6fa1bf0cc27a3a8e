import { constants, readFileSync, statSync } from 'node:fs';
import { open } from 'node:fs/promises';
import type { ContainerInfo } from './container.ts';

export interface User {
  readonly name: string;
  readonly home: string;
  readonly shell: string;
}

/** The users and groups of one root file system. */
export interface Accounts {
  readonly users: ReadonlyMap<number, User>;
  readonly groups: ReadonlyMap<number, string>;
}

const EMPTY: Accounts = { users: new Map(), groups: new Map() };
/** A container's file is its own to write: more than this is not read. */
const FILE_MAX = 1024 * 1024;
const ENTRIES_MAX = 50_000;
const NAME_MAX = 256;
const HOST_CHECK_MS = 20;
const RELOAD_MS = 1_000;
const CONTAINERS_MAX = 4_096;

/** Users of a passwd file; malformed lines are left out, the first entry of a uid counts. */
export function parsePasswd(text: string): Map<number, User> {
  const users = new Map<number, User>();
  for (const fields of entries(text, 7)) {
    const uid = Number(fields[2]);
    if (fields[2] === '' || !isId(uid) || users.has(uid)) continue;
    users.set(uid, { name: fields[0]!, home: cut(fields[5]!), shell: cut(fields[6]!) });
  }
  return users;
}

/** Names of a group file. */
export function parseGroup(text: string): Map<number, string> {
  const groups = new Map<number, string>();
  for (const fields of entries(text, 3)) {
    const gid = Number(fields[2]);
    if (fields[2] !== '' && isId(gid) && !groups.has(gid)) groups.set(gid, fields[0]!);
  }
  return groups;
}

function* entries(text: string, fields: number): Generator<string[]> {
  let left = ENTRIES_MAX;
  for (const line of text.split('\n')) {
    if (left-- <= 0) return;
    const parts = line.split(':');
    if (parts.length >= fields && parts[0] !== '' && parts[0]!.length <= NAME_MAX && !line.startsWith('#'))
      yield parts;
  }
}

function isId(id: number): boolean {
  return Number.isInteger(id) && id >= 0 && id <= 0xffffffff;
}

function cut(text: string): string {
  return text.slice(0, 4096);
}

/** One file of the host, read again when it changes. */
class HostFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => T;
  #value: T;
  #stamp = '';
  #checked = Number.NEGATIVE_INFINITY;

  constructor(path: string, parse: (text: string) => T) {
    this.#path = path;
    this.#parse = parse;
    this.#value = parse('');
  }

  get value(): T {
    const now = performance.now();
    if (now - this.#checked >= HOST_CHECK_MS) {
      this.#checked = now;
      this.#refresh();
    }
    return this.#value;
  }

  #refresh(): void {
    try {
      const stat = statSync(this.#path, { bigint: true });
      const stamp = `${stat.ino}:${stat.size}:${stat.mtimeNs}`;
      if (stamp === this.#stamp) return;
      this.#value = this.#parse(readFileSync(this.#path, 'latin1'));
      this.#stamp = stamp;
    } catch {
      // While a tool replaces the file there may be none: the last content stands.
    }
  }
}

interface ContainerAccounts {
  readonly container: ContainerInfo;
  accounts: Accounts;
  state: 'loading' | 'loaded';
  loadedAt: number;
}

/**
 * Names of users and groups: the host's, and each container's own. A container's files are read in the background,
 * since what its file system does on a read is not ours to trust.
 */
export class UserDirectory {
  readonly #passwd: { readonly value: ReadonlyMap<number, User> };
  readonly #group: { readonly value: ReadonlyMap<number, string> };
  readonly #containers = new Map<string, ContainerAccounts>();
  /** One read at a time: a container that never answers holds up other containers, not the engine. */
  #queue: Promise<void> = Promise.resolve();
  #queued = 0;
  /** Called when a container's files were read. */
  onSettled: ((container: ContainerInfo) => void) | undefined;

  readonly #proc: string | undefined;

  /**
   * From the files of a folder, followed as they change, or from their texts (recordings). `proc` undefined: there are no running containers
   * to ask.
   */
  constructor(
    etc: string | { readonly passwd: string; readonly group: string } = '/etc',
    proc: string | undefined = '/proc',
  ) {
    const files = typeof etc === 'string';
    this.#proc = files ? proc : undefined;
    this.#passwd = files ? new HostFile(`${etc}/passwd`, parsePasswd) : { value: parsePasswd(etc.passwd) };
    this.#group = files ? new HostFile(`${etc}/group`, parseGroup) : { value: parseGroup(etc.group) };
  }

  user(uid: number, container: ContainerInfo | undefined, pid: number): User | undefined {
    if (container === undefined || container.isHost) return this.#passwd.value.get(uid);
    const found = this.#of(container, pid);
    const user = found.accounts.users.get(uid);
    if (user === undefined) this.#reload(pid, found);
    return user;
  }

  group(gid: number, container: ContainerInfo | undefined, pid: number): string | undefined {
    if (container === undefined || container.isHost) return this.#group.value.get(gid);
    const found = this.#of(container, pid);
    const name = found.accounts.groups.get(gid);
    if (name === undefined) this.#reload(pid, found);
    return name;
  }

  /** True while the names of a container's users are on their way. */
  pending(container: ContainerInfo | undefined): boolean {
    if (container === undefined || container.isHost) return false;
    const found = this.#containers.get(container.fullId);
    return found !== undefined && found.state === 'loading' && found.loadedAt === 0;
  }

  /** Starts to read a container's files, so that they are there when a rule asks. */
  prepare(container: ContainerInfo, pid: number): void {
    if (!container.isHost) this.#of(container, pid);
  }

  forget(container: ContainerInfo): void {
    this.#containers.delete(container.fullId);
  }

  #of(container: ContainerInfo, pid: number): ContainerAccounts {
    const found = this.#containers.get(container.fullId);
    if (found !== undefined) return found;
    if (this.#containers.size >= CONTAINERS_MAX) {
      const oldest = this.#containers.keys().next().value;
      if (oldest !== undefined) this.#containers.delete(oldest);
    }
    const entry: ContainerAccounts = { container, accounts: EMPTY, state: 'loading', loadedAt: 0 };
    this.#containers.set(container.fullId, entry);
    this.#load(pid, entry);
    return entry;
  }

  #reload(pid: number, entry: ContainerAccounts): void {
    if (entry.state === 'loading' || performance.now() - entry.loadedAt < RELOAD_MS) return;
    entry.state = 'loading';
    this.#load(pid, entry);
  }

  #load(pid: number, entry: ContainerAccounts): void {
    const proc = this.#proc;
    if (proc === undefined || this.#queued >= 64) {
      entry.state = 'loaded';
      entry.loadedAt = performance.now();
      return;
    }
    this.#queued++;
    this.#queue = this.#queue.then(async () => {
      const passwd = await readInRoot(pid, 'passwd', proc);
      const group = await readInRoot(pid, 'group', proc);
      if (passwd !== undefined || group !== undefined) {
        entry.accounts = { users: parsePasswd(passwd ?? ''), groups: parseGroup(group ?? '') };
      }
      entry.state = 'loaded';
      entry.loadedAt = performance.now();
      this.#queued--;
      this.onSettled?.(entry.container);
    });
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
