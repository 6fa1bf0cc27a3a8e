import { dirname } from 'node:path';
import type { BpfMap, BpfObject } from '../../sensors/bpf/bpf.ts';
import { STRUCTS } from '../../sensors/record/layout.gen.ts';
import { operation } from '../clauses/operations.ts';
import type { Pattern } from '../clauses/term.ts';
import { type Identify, type ObjectId, wayFinder } from './identify.ts';
import { labelFilter } from './name-filter.ts';
import { LIMITS, type Mask, type NamedObject, type Policy } from './tables.ts';

const KEY_BYTES = 24;
/** RF_LABEL_OTHER: what the second path of an operation names. */
const OTHER = 0x100;
const MASK_BYTES = STRUCTS.rf_mask.size;
/** Of the map with one value. */
const KEY = Buffer.alloc(4);
/** What these do to a symbolic link they do to the link itself. */
const NOT_FOLLOWING = new Set((['unlink', 'rename', 'link'] as const).map((name) => operation(name).op));
const KINDS = ['self', 'child', 'below', 'above'] as const;
/** Whoever may not do these may not move what leads to the object either: its name would no longer be the rule's. */
const GUARDED = new Set((['open', 'unlink'] as const).map((name) => operation(name).op));
type Kind = (typeof KINDS)[number];
const VALUE_BYTES = KINDS.length * LIMITS.lanes * MASK_BYTES;

/** Requirements that an object meets by what it is, for one kind of operation: by kind of label and lane. */
export interface Label extends ObjectId {
  readonly op: number;
  readonly lanes: Readonly<Record<Kind, readonly Mask[]>>;
}

/** The labels of everything that a policy's denying rules name and that exists now, and of what leads there. */
export function policyLabels(policy: Policy, identify: Identify): Label[] {
  const labels = new Map<string, Label & { lanes: Record<Kind, Mask[]> }>();
  const add = (id: ObjectId, op: number, kind: Kind, { clause, lane }: NamedObject): void => {
    const key = `${op} ${id.dev} ${id.ino}`;
    const label = labels.get(key) ?? {
      ...id,
      op,
      lanes: { self: none(), child: none(), below: none(), above: none() },
    };
    labels.set(key, label);
    label.lanes[kind][lane] = (label.lanes[kind][lane] ?? 0n) | (1n << BigInt(clause));
  };
  const wayTo = wayFinder();
  const passed = new Map<string, ObjectId | undefined>();
  for (const table of policy.classes) {
    for (const named of table.named) {
      const { text } = named.pattern;
      const kind = labelKind(named.pattern);
      const itself = kind === 'self' && NOT_FOLLOWING.has(table.op);
      const id = kind === undefined ? undefined : identify(text, itself);
      if (kind === undefined || id === undefined) continue;
      add(id, table.op | (named.other ? OTHER : 0), kind, named);
      if (!GUARDED.has(table.op)) continue;
      for (const path of wayTo(itself ? dirname(text) : text)) {
        if (!passed.has(path)) passed.set(path, identify(path, true));
        const on = passed.get(path);
        if (on !== undefined) add(on, table.op, 'above', named);
      }
    }
  }
  return [...labels.values()];
}

/** The objects that a policy's denying rules name, by path. */
export const namedPaths = (policy: Policy): string[] =>
  policy.classes.flatMap(({ named }) =>
    named.flatMap(({ pattern }) => (labelKind(pattern) === undefined ? [] : [pattern.text])),
  );

/** What a pattern says of the object with that name; undefined where it names none. */
export function labelKind({ at, text }: Pattern): Exclude<Kind, 'above'> | undefined {
  if (!text.startsWith('/')) return undefined;
  if (at === 'exact') return 'self';
  if (at === 'dir') return 'child';
  return at === 'prefix' && text.endsWith('/') && text !== '/' ? 'below' : undefined;
}

function none(): Mask[] {
  return new Array<Mask>(LIMITS.lanes).fill(0n);
}

/** The labels in the kernel's map: by generation, so that a policy and its labels are switched as one. */
export class LabelMap {
  readonly #map: BpfMap;
  /** What is asked first: whether an object has any label. */
  readonly #filter: BpfMap;
  #held = new Map<string, { readonly key: Buffer; readonly label: Label }>();

  constructor(object: BpfObject) {
    this.#map = object.map('labels');
    this.#filter = object.map('label_bits');
  }

  /** Adds the labels of a generation; those of others stay until `prune`. */
  put(labels: readonly Label[], generation: number): void {
    const before = this.#held.size;
    const added = labels.map((label) => ({ key: keyOf(label, generation), label }));
    for (const one of added) this.#held.set(one.key.toString('hex'), one);
    if (this.#held.size > before) this.#filterHeld();
    for (const { key, label } of added) this.#map.update(key, valueOfLabel(label));
  }

  /** Removes all labels but these of this generation. */
  prune(labels: readonly Label[], generation: number): void {
    const wanted = new Map(
      labels
        .map((label) => ({ key: keyOf(label, generation), label }))
        .map((one) => [one.key.toString('hex'), one]),
    );
    const gone = [...this.#held].filter(([name]) => !wanted.has(name));
    for (const [, { key }] of gone) this.#map.delete(key);
    this.#held = wanted;
    if (gone.length > 0) this.#filterHeld();
  }

  /** A label is in the filter before it is in the map, and out of the map before it is out of the filter. */
  #filterHeld(): void {
    this.#filter.update(KEY, labelFilter([...this.#held.values()].map(({ label }) => label).filter(isAsked)));
  }
}

/** Whether every use of the object asks for the label: what only leads to one is asked for when it is moved. */
const isAsked = ({ lanes }: Label): boolean =>
  [lanes.self, lanes.child, lanes.below].some((masks) => masks.some((mask) => mask !== 0n));

function keyOf(label: Label, generation: number): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key.writeBigUInt64LE(label.ino, 0);
  key.writeUInt32LE(label.dev, 8);
  key.writeUInt32LE(generation, 12);
  key.writeUInt32LE(label.op, 16);
  return key;
}

function valueOfLabel(label: Label): Buffer {
  const value = Buffer.alloc(VALUE_BYTES);
  KINDS.forEach((kind, k) => {
    label.lanes[kind].forEach((mask, lane) => {
      for (let word = 0; word < MASK_BYTES / 8; word++) {
        const at = (k * LIMITS.lanes + lane) * MASK_BYTES + word * 8;
        value.writeBigUInt64LE((mask >> BigInt(word * 64)) & 0xffff_ffff_ffff_ffffn, at);
      }
    });
  });
  return value;
}
