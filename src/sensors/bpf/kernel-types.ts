import { BTF_KIND } from './kernel-functions.ts';
import { native, type Ptr } from './libbpf.ts';
import { ATTACH } from './probe-program.ts';

/** What the kernel calls the type that a program is attached by: its prefix, and its kind in BTF. */
const NAMES: Readonly<Record<number, readonly [prefix: string, kind: number]>> = {
  [ATTACH.traceRawTp]: ['btf_trace_', BTF_KIND.typedef],
  [ATTACH.lsm]: ['bpf_lsm_', BTF_KIND.func],
  [ATTACH.iter]: ['bpf_iter_', BTF_KIND.func],
};

let types: Ptr = null;

function forget(): void {
  native().btfFree(types);
  types = null;
}

/**
 * The id of the kernel's type that a program of this attach type is attached by; negative if there is none. The kernel's
 * types, 12 ms to read and 10 MB, are kept for this turn of the event loop: questions come together.
 */
export function kernelTypeId(name: string, attach: number): number {
  if (types === null) {
    types = native().btfOfKernel();
    if (types === null) return -1;
    setImmediate(forget);
  }
  const [prefix, kind] = NAMES[attach] ?? ['', BTF_KIND.func];
  return native().btfFind(types, prefix + name, kind);
}
