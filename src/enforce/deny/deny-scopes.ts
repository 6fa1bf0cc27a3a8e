import type { BpfMap } from '../../sensors/bpf/bpf.ts';
import type { DenyScope } from './deny-entry.ts';

/** enum rf_scope_kind. */
export const SCOPE_KINDS: Readonly<Record<DenyScope['kind'], number>> = { user: 1, cgroup: 2 };

interface Known {
  readonly scope: DenyScope;
  readonly number: number;
  /** What stands for it in the kernel now; absent while there is no such cgroup. */
  key?: Buffer | undefined;
}

/**
 * The scopes of entries. Users and cgroups are numbered, so that one trie serves all of them; which cgroup a path
 * means may change while an entry on it stands.
 */
export class ScopeNumbers {
  readonly #map: BpfMap;
  readonly #cgroupId: (path: string) => bigint | undefined;
  readonly #known = new Map<string, Known>();
  #last = 0;

  constructor(map: BpfMap, cgroupId: (path: string) => bigint | undefined) {
    this.#map = map;
    this.#cgroupId = cgroupId;
  }

  /** The number that stands for a scope in the keys of its entries. */
  number(scope: DenyScope): number {
    const name = nameOf(scope);
    const known = this.#known.get(name);
    if (known !== undefined) return known.number;
    const added: Known = { scope, number: this.#last + 1 };
    this.#find(added);
    this.#last = added.number;
    this.#known.set(name, added);
    return added.number;
  }

  /** Looks again which cgroups the paths mean. */
  follow(): void {
    for (const known of this.#known.values()) if (known.scope.kind === 'cgroup') this.#find(known);
  }

  /** Forgets all scopes but these. */
  keep(used: Iterable<DenyScope>): void {
    const names = new Set(Array.from(used, nameOf));
    for (const [name, { key }] of this.#known) {
      if (names.has(name)) continue;
      if (key !== undefined) this.#map.delete(key);
      this.#known.delete(name);
    }
  }

  #find(known: Known): void {
    const { scope, number, key: before } = known;
    const id = scope.kind === 'user' ? BigInt(scope.uid) : this.#cgroupId(scope.path);
    const key = id === undefined ? undefined : keyOf(SCOPE_KINDS[scope.kind], id);
    if (key === undefined ? before === undefined : before?.equals(key)) return;
    const value = Buffer.alloc(4);
    value.writeUInt32LE(number);
    if (key !== undefined) this.#map.update(key, value);
    if (before !== undefined) this.#map.delete(before);
    known.key = key;
  }
}

const nameOf = (scope: DenyScope): string =>
  scope.kind === 'user' ? `user ${scope.uid}` : `cgroup ${scope.path}`;

function keyOf(kind: number, value: bigint): Buffer {
  const key = Buffer.alloc(16);
  key.writeBigUInt64LE(BigInt(kind), 0);
  key.writeBigUInt64LE(value, 8);
  return key;
}
