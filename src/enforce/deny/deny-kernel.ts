import type { BpfMap, BpfObject } from '../../sensors/bpf/bpf.ts';
import { type DenyEntry, type DenyScope, type DenyTarget, PROTOCOL_NUMBERS } from './deny-entry.ts';
import type { DenyHits } from './deny-list.ts';
import { SCOPE_KINDS, ScopeNumbers } from './deny-scopes.ts';

const FIXED_BITS = 64;
const VALUE_BYTES = 32;
const WIDTHS = [4, 16] as const;
type Width = (typeof WIDTHS)[number];
/** Bits of enum rf_deny_place. */
const HOSTS = 1;
const NETS = 2;
const BATCH = 4096;
const ZERO = Buffer.alloc(4);
const NO_HITS: DenyHits = { count: 0, last: undefined };

type NetworkEntry = DenyEntry & { readonly target: DenyTarget & { readonly kind: 'network' } };

export interface DenyClock {
  /** Boot clock now, ns. */
  readonly bootNs: () => bigint;
  /** Wall clock now, ms. */
  readonly nowMs: () => number;
}

/** The deny list in the kernel's maps. Layouts are those of deny.h. */
export class DenyKernel {
  /** Single addresses, and networks. */
  readonly #hosts: { readonly 4: BpfMap; readonly 16: BpfMap };
  readonly #nets: { readonly 4: BpfMap; readonly 16: BpfMap };
  /** Ids of the entries on single addresses; those for which there was no room stand among the networks. */
  readonly #placed = { 4: new Set<number>(), 16: new Set<number>() };
  readonly #spilled = new Set<number>();
  readonly #scopes: ScopeNumbers;
  readonly #control: BpfMap;
  readonly #clock: DenyClock;
  readonly #told: (any: boolean) => void;

  /** `told` learns after every change whether there are network entries at all. */
  constructor(
    object: BpfObject,
    clock: DenyClock,
    cgroupId: (path: string) => bigint | undefined,
    told: (any: boolean) => void = () => {},
  ) {
    this.#told = told;
    this.#hosts = { 4: object.map('host4'), 16: object.map('host6') };
    this.#nets = { 4: object.map('deny4'), 16: object.map('deny6') };
    this.#scopes = new ScopeNumbers(object.map('deny_scopes'), cgroupId);
    this.#control = object.map('deny_control');
    this.#clock = clock;
  }

  /** Adds or replaces entries; many at once go in batches. */
  put(entries: readonly DenyEntry[]): void {
    for (const width of WIDTHS) {
      const mine = entries.filter(
        (e): e is NetworkEntry => isNetwork(e) && e.target.address.length === width,
      );
      const hosts = mine.filter((e) => this.#place(e, width));
      this.#write(this.#hosts[width], hosts);
      this.#write(
        this.#nets[width],
        mine.filter((e) => !this.#placed[width].has(e.id)),
      );
    }
  }

  /** Whether an entry is kept with the single addresses; it stays where it was. */
  #place({ id, target }: NetworkEntry, width: Width): boolean {
    if (target.prefix !== width * 8 || this.#spilled.has(id)) return false;
    const placed = this.#placed[width];
    if (!placed.has(id) && placed.size >= this.#hosts[width].maxEntries) {
      this.#spilled.add(id);
      return false;
    }
    placed.add(id);
    return true;
  }

  #write(map: BpfMap, entries: readonly NetworkEntry[]): void {
    for (let i = 0; i < entries.length; i += BATCH) {
      const part = entries.slice(i, i + BATCH);
      const keys = Buffer.alloc(part.length * map.keySize);
      const values = Buffer.alloc(part.length * VALUE_BYTES);
      part.forEach((entry, n) => {
        this.#key(entry, keys, n * map.keySize);
        this.#value(entry, values, n * VALUE_BYTES);
      });
      map.updateBatch(keys, values);
    }
  }

  remove(entry: DenyEntry): void {
    if (!isNetwork(entry)) return;
    const width = entry.target.address.length as Width;
    const map = this.#placed[width].delete(entry.id) ? this.#hosts[width] : this.#nets[width];
    this.#spilled.delete(entry.id);
    map.delete(this.#key(entry, Buffer.alloc(map.keySize)));
  }

  hits(entry: DenyEntry): DenyHits {
    if (!isNetwork(entry)) return NO_HITS;
    const width = entry.target.address.length as Width;
    const map = this.#placed[width].has(entry.id) ? this.#hosts[width] : this.#nets[width];
    const value = map.lookup(this.#key(entry, Buffer.alloc(map.keySize)));
    // The kernel answers with the longest prefix that covers the key: that may be another entry.
    if (value === undefined || value.readUInt32LE(24) !== entry.id) return NO_HITS;
    const last = value.readBigUInt64LE(16);
    const ago = Number(this.#clock.bootNs() - last) / 1e6;
    return {
      count: Number(value.readBigUInt64LE(8)),
      last: last === 0n ? undefined : this.#clock.nowMs() - ago,
    };
  }

  /** Follows cgroups that entries name and that were made, removed or made anew since. */
  follow(): void {
    this.#scopes.follow();
  }

  /** Tells the programs which combinations there are to look for. */
  configure(entries: Iterable<DenyEntry>, monitor: boolean): void {
    let places = 0;
    let combos = 0;
    let scopes = 0;
    const used: DenyScope[] = [];
    for (const { target, scope } of entries) {
      if (target.kind !== 'network') continue;
      const host = target.prefix === target.address.length * 8;
      places |= host ? HOSTS : NETS;
      combos |= 1 << ((target.port === undefined ? 0 : 1) | (target.protocol === undefined ? 0 : 2));
      if (scope === undefined) continue;
      scopes |= SCOPE_KINDS[scope.kind];
      used.push(scope);
    }
    this.#scopes.keep(used);
    const value = Buffer.alloc(16);
    [this.#spilled.size > 0 ? places | NETS : places, combos, scopes, monitor ? 1 : 0].forEach((word, i) => {
      value.writeUInt32LE(word, i * 4);
    });
    this.#control.update(ZERO, value);
    this.#told(places !== 0);
  }

  #key({ target, scope }: NetworkEntry, key: Buffer, at = 0): Buffer {
    key.writeUInt32LE(FIXED_BITS + target.prefix, at);
    key.writeUInt32LE(scope === undefined ? 0 : this.#scopes.number(scope), at + 4);
    key.writeUInt16LE(target.port ?? 0, at + 8);
    key[at + 10] = target.protocol === undefined ? 0 : PROTOCOL_NUMBERS[target.protocol];
    key.write(target.address, at + 12, 'latin1');
    return key;
  }

  #value(entry: NetworkEntry, value: Buffer, at: number): void {
    if (entry.expires !== undefined) {
      const left = BigInt(Math.max(1, Math.round((entry.expires - this.#clock.nowMs()) * 1e6)));
      value.writeBigUInt64LE(this.#clock.bootNs() + left, at);
    }
    value.writeUInt32LE(entry.id, at + 24);
    value.writeUInt32LE(FIXED_BITS + entry.target.prefix, at + 28);
  }
}

function isNetwork(entry: DenyEntry): entry is NetworkEntry {
  return entry.target.kind === 'network';
}
