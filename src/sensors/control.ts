import type { BpfObject } from './bpf/bpf.ts';
import { mapMemory, PROT_READ, PROT_WRITE, pageSize } from './bpf/libbpf.ts';
import { STRUCTS } from './record/layout.gen.ts';

const FIELDS = STRUCTS.rf_control.fields;

function wordOf(name: string): number {
  const field = FIELDS.find((f) => f.name === name);
  if (field === undefined) throw new Error(`struct rf_control has no ${name}`);
  return field.offset >>> 2;
}

const WAKE = [wordOf('ring[0].need_wakeup'), wordOf('ring[1].need_wakeup')] as const;
const SEQUENCE = [wordOf('ring[0].seq'), wordOf('ring[1].seq')] as const;
const IGNORE = wordOf('ignore_tgid');
const POLICY = wordOf('policy');
const CANARY = wordOf('canary');
const SPARE = wordOf('spare');

/** The words that kernel and reader share live: struct rf_control in the mapped .bss. */
export class Control {
  readonly #words: Int32Array;
  readonly #unmap: () => void;

  constructor(object: BpfObject) {
    const { map, offset, size } = object.variable('rf_control');
    const page = pageSize();
    const length = Math.ceil((offset + size) / page) * page;
    const mapping = mapMemory(map.fd, length, PROT_READ | PROT_WRITE, 0);
    this.#words = new Int32Array(mapping.memory, offset, size >>> 2);
    this.#unmap = mapping.unmap;
  }

  /** Whether writers to the bulk ring and to the priority ring shall wake the reader. */
  setWake(bulk: boolean, priority: boolean): void {
    Atomics.store(this.#words, WAKE[0], bulk ? 1 : 0);
    Atomics.store(this.#words, WAKE[1], priority ? 1 : 0);
  }

  /** The sequence number that a ring's next record will get. */
  sequence(ring: 0 | 1): number {
    const at = SEQUENCE[ring];
    const low = Atomics.load(this.#words, at) >>> 0;
    return (Atomics.load(this.#words, at + 1) >>> 0) * 2 ** 32 + low;
  }

  /** The process whose own calls are not recorded; 0 = none. */
  setIgnored(pid: number): void {
    Atomics.store(this.#words, IGNORE, pid);
  }

  /** Generation of the policy, copied to every record from now on. */
  setPolicy(generation: number): void {
    Atomics.store(this.#words, POLICY, generation);
  }

  /** The thread whose own calls are shown although its process is ignored; 0 = none. */
  setCanary(tid: number): void {
    Atomics.store(this.#words, CANARY, tid);
  }

  /** What records of processes go without: bits of RF_SPARE. */
  setSpare(bits: number): void {
    Atomics.store(this.#words, SPARE, bits);
  }

  close(): void {
    this.#unmap();
  }
}
