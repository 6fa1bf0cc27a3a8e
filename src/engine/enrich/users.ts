import { readFileSync, statSync } from 'node:fs';
import { parseGroup, parsePasswd, type User } from './accounts.ts';
import type { ContainerInfo } from './container.ts';
import { ContainerUsers } from './container-users.ts';

/** How old what is known of a file may be, for an id that has a name and for one that has none. */
const HOST_CHECK_MS = 20;
const HOST_MISS_MS = 1;

/** One file of the host, read again when it changes. */
class HostFile<T> {
  readonly #path: string;
  readonly #parse: (text: string) => ReadonlyMap<number, T>;
  #value: ReadonlyMap<number, T>;
  #stamp = '';
  #checked = Number.NEGATIVE_INFINITY;

  constructor(path: string, parse: (text: string) => ReadonlyMap<number, T>) {
    this.#path = path;
    this.#parse = parse;
    this.#value = parse('');
  }

  /** An id without a name is looked up again almost at once: a user is often added for what it is to run. */
  get(id: number): T | undefined {
    this.#refresh(HOST_CHECK_MS);
    const found = this.#value.get(id);
    if (found !== undefined) return found;
    this.#refresh(HOST_MISS_MS);
    return this.#value.get(id);
  }

  #refresh(maxAge: number): void {
    const now = performance.now();
    if (now - this.#checked < maxAge) return;
    this.#checked = now;
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

/** Names of users and groups: the host's, and each container's own. */
export class UserDirectory {
  readonly #passwd: { get(uid: number): User | undefined };
  readonly #group: { get(gid: number): string | undefined };
  readonly #containers: ContainerUsers;

  /**
   * From the files of a folder, followed as they change, or from their texts (recordings). `proc` undefined: there
   * are no running containers to ask.
   */
  constructor(
    etc: string | { readonly passwd: string; readonly group: string } = '/etc',
    proc: string | undefined = '/proc',
  ) {
    const files = typeof etc === 'string';
    this.#containers = new ContainerUsers(files ? proc : undefined);
    this.#passwd = files ? new HostFile(`${etc}/passwd`, parsePasswd) : parsePasswd(etc.passwd);
    this.#group = files ? new HostFile(`${etc}/group`, parseGroup) : parseGroup(etc.group);
  }

  /** Called when a container's files were read. */
  set onSettled(callback: (container: ContainerInfo) => void) {
    this.#containers.onSettled = callback;
  }

  user(uid: number, container: ContainerInfo | undefined, pid: number): User | undefined {
    if (container === undefined || container.isHost) return this.#passwd.get(uid);
    return this.#containers.user(uid, container, pid);
  }

  group(gid: number, container: ContainerInfo | undefined, pid: number): string | undefined {
    if (container === undefined || container.isHost) return this.#group.get(gid);
    return this.#containers.group(gid, container, pid);
  }

  /** True while the names of a container's users are on their way for the first time. */
  pending(container: ContainerInfo | undefined): boolean {
    return container !== undefined && !container.isHost && this.#containers.pending(container);
  }

  /** True while it is looked up whether a user that a container did not know has been added since. */
  awaits(uid: number, container: ContainerInfo, pid: number): boolean {
    return this.#containers.awaits(uid, container, pid);
  }

  /** Starts to read a container's files, so that they are there when a rule asks. */
  prepare(container: ContainerInfo, pid: number): void {
    if (!container.isHost) this.#containers.prepare(container, pid);
  }
}
