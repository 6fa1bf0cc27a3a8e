import fs from 'node:fs';
import type { BpfLink, BpfMap, BpfObject } from '../../sensors/bpf/bpf.ts';
import { kernelTypeId } from '../../sensors/bpf/kernel-types.ts';
import { ATTACH } from '../../sensors/bpf/probe-program.ts';
import { codesByNumber } from '../../sensors/events/events.ts';
import { RF_GUARD_KIND, RF_GUARD_LABEL, RF_GUARDED, STRUCTS } from '../../sensors/record/layout.gen.ts';
import { offsetsOf } from '../../sensors/record/layout.ts';
import { identifier, identify, unidentifiable } from '../tables/identify.ts';
import { foldersAbove, mountsBelow } from './guard-mounts.ts';
import type { TierPlan } from './tiers.ts';

/** The bit of a record's `clause` that says: the engine's guard refused this, and the rest is what. */
export const GUARD_BIT = 0x4000_0000;

/** Programs by which the engine guards itself, where there are security hooks. */
const PROGRAMS: readonly string[] = [
  'signal',
  'trace',
  'limit',
  'scheduler',
  'nice',
  'ioprio',
  'open',
  'ioctl',
  'truncate',
  'chmod',
  'chown',
  'setxattr',
  'removexattr',
  'create',
  'mkdir',
  'mknod',
  'symlink',
  'unlink',
  'rmdir',
  'link',
  'rename',
  'mount',
  'move_mount',
  'umount',
  'map',
  'bpf',
].map((name) => `rf_guard_${name}`);

/** More of them, by the security hooks that only newer kernels have. */
const NEWER: Readonly<Record<string, string>> = {
  rf_guard_set_acl: 'inode_set_acl',
  rf_guard_remove_acl: 'inode_remove_acl',
  rf_guard_set_attr: 'inode_file_setattr',
};

/** What the guard needs to be loaded on these tiers. */
export function guardPrograms(tiers: TierPlan, wanted: boolean): readonly string[] {
  if (!wanted || tiers.files !== 'lsm') return [];
  const newer = Object.keys(NEWER).filter((name) => kernelTypeId(NEWER[name] ?? '', ATTACH.lsm) > 0);
  return [...PROGRAMS, ...newer];
}

/** What the engine keeps others from changing. */
export interface GuardedPaths {
  /** Files by themselves. */
  readonly files: readonly string[];
  /** Folders with everything in them. */
  readonly folders: readonly string[];
  /** Programs that may change them all the same: package managers. */
  readonly maintainers: readonly string[];
  /** Where links are pinned; absent = nowhere. */
  readonly pins?: string | undefined;
}

export interface GuardStatus {
  /** `unavailable`: this machine has no security hooks, or it was switched off when the engine started. */
  readonly state: 'on' | 'off' | 'unlocked' | 'unavailable';
  /** Files, folders and programs it knows by identity. */
  readonly files: number;
  /** BPF objects. */
  readonly objects: number;
  readonly refused: number;
  /** What was refused last; null = nothing yet. */
  readonly last: string | null;
}

const ZERO = Buffer.alloc(4);
const REFRESH_MS = 1000;
const FIELD = offsetsOf(STRUCTS.rf_guard);

/** What a list of all BPF objects does as well: once for each process. */
export const OPENED_MAP = 'opening its BPF objects';

const WHAT: Readonly<Record<number, string>> = {
  [RF_GUARDED.SIGNAL]: 'a signal to the engine',
  [RF_GUARDED.TRACE]: 'tracing the engine',
  [RF_GUARDED.FILE]: 'a change of its files',
  [RF_GUARDED.BPF]: 'a change of its BPF objects',
  [RF_GUARDED.MAP]: OPENED_MAP,
  [RF_GUARDED.LIMIT]: 'a limit on the engine',
  [RF_GUARDED.MOUNT]: 'a change of the mounts below its files',
  [RF_GUARDED.PROC]: 'writing to its files in /proc',
  [RF_GUARDED.HOOKS]: "switching off the kernel's hooks",
};

/** What a record with `GUARD_BIT` tells of. */
export const guardedWhat = (clause: number): string => WHAT[clause & ~GUARD_BIT] ?? 'a change of the engine';

/** The engine's protection of itself: its process, its files, its BPF objects. It ends with the engine. */
export class Guard {
  readonly #object: BpfObject;
  readonly #programs: readonly string[];
  readonly #links: BpfLink[] = [];
  readonly #files: Held;
  readonly #objects: Held;
  readonly #settings: BpfMap;
  #paths: GuardedPaths | undefined;
  #wanted = false;
  #unlockedUntil = 0;
  #timer: NodeJS.Timeout | undefined;

  /** `programs`: its own, that are loaded with the object. */
  constructor(object: BpfObject, programs: readonly string[]) {
    this.#object = object;
    this.#programs = programs;
    this.#settings = object.map('guard');
    this.#files = new Held(object.map('guard_files'));
    this.#objects = new Held(object.map('guard_objects'));
  }

  /** Guards from now on, or no longer. `paths` undefined = off. */
  set(paths: GuardedPaths | undefined): void {
    this.#paths = paths;
    this.#wanted = paths !== undefined;
    if (!this.#attachable) return;
    if (this.#wanted && this.#links.length === 0) {
      this.refresh();
      for (const name of this.#programs) this.#links.push(this.#object.attach(name));
      this.#timer = setInterval(() => this.refresh(), REFRESH_MS).unref();
    }
    this.refresh();
  }

  /** Lets everybody through for a while, so that files can be changed: the way in for an administrator. */
  unlock(ms: number): GuardStatus {
    this.#unlockedUntil = performance.now() + ms;
    this.refresh();
    return this.status();
  }

  lock(): GuardStatus {
    this.#unlockedUntil = 0;
    this.refresh();
    return this.status();
  }

  /** Follows files that were replaced, and BPF objects that came and went. */
  refresh(): void {
    if (!this.#attachable) return;
    if (this.#paths !== undefined) {
      this.#files.set(labelsOf(this.#paths));
      this.#objects.set(this.#ownObjects());
    }
    const value = this.#settings.lookup(ZERO) ?? Buffer.alloc(STRUCTS.rf_guard.size);
    value.writeUInt32LE(this.#wanted && !this.#unlocked ? 1 : 0, FIELD.on);
    value.writeUInt32LE(process.pid, FIELD.tgid);
    value.writeUInt32LE((this.#paths?.pins && identify(latin1(this.#paths.pins))?.dev) || 0, FIELD.pins_dev);
    knownCalls().copy(value, FIELD.calls);
    this.#settings.update(ZERO, value);
  }

  status(): GuardStatus {
    const state = !this.#attachable
      ? 'unavailable'
      : this.#unlocked
        ? 'unlocked'
        : this.#wanted
          ? 'on'
          : 'off';
    const settings = this.#settings.lookup(ZERO);
    const last = settings?.readUInt32LE(FIELD.last) ?? 0;
    return {
      state,
      files: this.#files.size,
      objects: this.#objects.size,
      refused: Number(settings?.readBigUInt64LE(FIELD.refused) ?? 0n),
      last: last === 0 ? null : guardedWhat(last),
    };
  }

  /** Paths, as bytes, that it should guard and cannot. */
  unguarded(): readonly string[] {
    const paths = this.#attachable && this.#paths !== undefined ? allPaths(this.#paths) : [];
    return unidentifiable(paths.map(latin1));
  }

  close(): void {
    clearInterval(this.#timer);
    for (const link of this.#links) link.destroy();
    this.#links.length = 0;
  }

  get #attachable(): boolean {
    return this.#programs.length > 0;
  }

  get #unlocked(): boolean {
    return this.#wanted && performance.now() < this.#unlockedUntil;
  }

  /** Whatever this process holds, the policy's inner map, which nobody holds, and the mounts below the paths. */
  #ownObjects(): Map<string, Entry> {
    const inner = this.#object.map('policies').lookup(ZERO)?.readUInt32LE();
    const ids: [number, number][] = heldObjects();
    if (inner !== undefined) ids.push([RF_GUARD_KIND.MAP, inner]);
    ids.push(...mountsBelow(this.#paths === undefined ? [] : allPaths(this.#paths)));
    return new Map(
      ids.map(([kind, id]) => {
        const key = Buffer.alloc(8);
        key.writeUInt32LE(kind, 0);
        key.writeUInt32LE(id, 4);
        return [key.toString('hex'), { key, value: 1 }];
      }),
    );
  }
}

interface Entry {
  readonly key: Buffer;
  readonly value: number;
}

/** A map whose entries are all ours: what is no longer wanted goes, after what is new has come. */
class Held {
  readonly #map: BpfMap;
  #entries = new Map<string, Entry>();

  constructor(map: BpfMap) {
    this.#map = map;
  }

  get size(): number {
    return this.#entries.size;
  }

  set(entries: Map<string, Entry>): void {
    for (const [name, { key, value }] of entries) {
      if (this.#entries.get(name)?.value === value) continue;
      const bytes = Buffer.alloc(4);
      bytes.writeUInt32LE(value);
      this.#map.update(key, bytes);
    }
    for (const [name, { key }] of this.#entries) if (!entries.has(name)) this.#map.delete(key);
    this.#entries = entries;
  }
}

const allPaths = ({ files, folders, pins }: GuardedPaths): string[] => [
  ...files,
  ...folders,
  ...(pins === undefined ? [] : [pins]),
];

const latin1 = (path: string): string => Buffer.from(path, 'utf8').toString('latin1');

function labelsOf(paths: GuardedPaths): Map<string, Entry> {
  const { files, folders, maintainers, pins } = paths;
  const labels = new Map<string, Entry>();
  const find = identifier();
  const add = (path: string, label: number): void => {
    const id = find(latin1(path));
    if (id === undefined) return;
    const key = Buffer.alloc(16);
    key.writeBigUInt64LE(id.ino, 0);
    key.writeUInt32LE(id.dev, 8);
    const name = key.toString('hex');
    labels.set(name, { key, value: (labels.get(name)?.value ?? 0) | label });
  };
  for (const path of files) add(path, RF_GUARD_LABEL.SELF);
  for (const path of [...folders, ...(pins === undefined ? [] : [pins])]) add(path, RF_GUARD_LABEL.BELOW);
  for (const path of maintainers) add(path, RF_GUARD_LABEL.MAINTAINER);
  for (const path of foldersAbove(allPaths(paths))) add(path, RF_GUARD_LABEL.ABOVE);
  return labels;
}

const KINDS: Readonly<Record<string, number>> = {
  map: RF_GUARD_KIND.MAP,
  prog: RF_GUARD_KIND.PROG,
  link: RF_GUARD_KIND.LINK,
};

/** Kind and number of the BPF objects that this process has descriptors of. */
function heldObjects(): [number, number][] {
  return fs.readdirSync('/proc/self/fd').flatMap((fd): [number, number][] => {
    try {
      if (!fs.readlinkSync(`/proc/self/fd/${fd}`).includes('bpf')) return [];
      const info = fs.readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1');
      // A link's also names its program.
      const [, kind = '', id] =
        /^(link)_id:\s+(\d+)/m.exec(info) ?? /^(map|prog)_id:\s+(\d+)/m.exec(info) ?? [];
      return id === undefined ? [] : [[KINDS[kind] as number, Number(id)]];
    } catch {
      // Closed meanwhile.
      return [];
    }
  });
}

/** Bits of the calls that are events. */
function knownCalls(): Buffer {
  const field = STRUCTS.rf_guard.fields.find(({ name }) => name === 'calls');
  const bits = Buffer.alloc(field?.size ?? 0);
  codesByNumber().forEach((code, nr) => {
    if (code >= 0 && nr < bits.length * 8) bits[nr >> 3]! |= 1 << (nr & 7);
  });
  return bits;
}
