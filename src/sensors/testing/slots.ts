import type { BpfObject } from '../bpf/bpf.ts';

/** Takes every place that a record is written in, or gives them all back. */
export function takeSlots(object: BpfObject, taken: boolean): void {
  const slots = object.map('slots');
  const key = Buffer.alloc(4);
  for (let i = 0; i < slots.maxEntries; i++) {
    key.writeUInt32LE(i);
    const slot = slots.lookup(key) as Buffer;
    slot.writeUInt32LE(taken ? 1 : 0);
    slots.update(key, slot);
  }
}
