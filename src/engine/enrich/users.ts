import { readFileSync, statSync } from 'node:fs';
import { parseGroup, parsePasswd, type User } from './accounts.ts';
import type { ContainerInfo } from './container.ts';
import { ContainerUsers } from './container-users.ts';

const HOST_CHECK_MS = 20;

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

/** Names of users and groups: the host's, and each container's own. */
export class UserDirectory {
  readonly #passwd: { readonly value: ReadonlyMap<number, User> };
  readonly #group: { readonly value: ReadonlyMap<number, string> };
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
    this.#passwd = files ? new HostFile(`${etc}/passwd`, parsePasswd) : { value: parsePasswd(etc.passwd) };
    this.#group = files ? new HostFile(`${etc}/group`, parseGroup) : { value: parseGroup(etc.group) };
  }

  /** Called when a container's files were read. */
  set onSettled(callback: (container: ContainerInfo) => void) {
    this.#containers.onSettled = callback;
  }

  user(uid: number, container: ContainerInfo | undefined, pid: number): User | undefined {
    if (container === undefined || container.isHost) return this.#passwd.value.get(uid);
    return this.#containers.user(uid, container, pid);
  }

  group(gid: number, container: ContainerInfo | undefined, pid: number): string | undefined {
    if (container === undefined || container.isHost) return this.#group.value.get(gid);
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
