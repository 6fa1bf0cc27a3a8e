import { AppError } from '../../engine/core/diagnostic.ts';
import { BpfMap, type BpfObject } from '../../sensors/bpf/bpf.ts';
import { errnoName, lastErrno, native } from '../../sensors/bpf/libbpf.ts';
import { type CallNumbers, encodePolicy, POLICY_BYTES } from '../tables/encode.ts';
import type { Policy } from '../tables/tables.ts';

const BPF_MAP_TYPE_ARRAY = 2;
const KEY = Buffer.alloc(4);

/**
 * The policy maps of a loaded object. A policy is complete before it is switched to, by one update. Without one,
 * everything goes to user space and nothing is refused.
 */
export class KernelPolicy {
  readonly #outer: BpfMap;

  constructor(object: BpfObject) {
    this.#outer = object.map('policies');
  }

  /** Puts a policy in force. On failure the one before stays. */
  install(policy: Policy, numbers: CallNumbers): void {
    const bytes = encodePolicy(policy, numbers);
    const fd = native().mapCreate(BPF_MAP_TYPE_ARRAY, 'rf_policy', KEY.length, POLICY_BYTES, 1, null);
    if (fd < 0) {
      throw new AppError('enforce/policy', `cannot create the policy's map: ${errnoName(lastErrno())}`);
    }
    try {
      const inner = new BpfMap('rf_policy', fd, {
        type: BPF_MAP_TYPE_ARRAY,
        keySize: KEY.length,
        valueSize: POLICY_BYTES,
        maxEntries: 1,
      });
      inner.update(KEY, bytes);
      const reference = Buffer.alloc(4);
      reference.writeUInt32LE(fd);
      this.#outer.update(KEY, reference);
    } finally {
      native().close(fd);
    }
  }
}
