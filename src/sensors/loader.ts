import fs from 'node:fs';
import { join } from 'node:path';
import { AppError } from '../engine/core/diagnostic.ts';
import { PACKAGE_ROOT } from '../engine/core/package.ts';
import { BpfObject } from './bpf/bpf.ts';
import { Btf } from './bpf/btf.ts';
import { native } from './bpf/libbpf.ts';
import { seesHostPids } from './pid-namespace.ts';
import { ABI_HASH } from './record/layout.gen.ts';
import { abiHash, readLayout } from './record/layout.ts';
import { seesHostTime } from './time-namespace.ts';

const VMLINUX = '/sys/kernel/btf/vmlinux';
const MIN_SLOTS = 16;

export interface LoadOptions {
  /** Names of the programs to load; all others stay out. */
  readonly programs: ReadonlySet<string>;
  readonly ringBytes: number;
  readonly priorityRingBytes: number;
  /** The compiled object; absent = the prebuilt one for this architecture. */
  readonly objectPath?: string | undefined;
  /** Last changes before the kernel sees it: constants, map sizes, pinned maps to reuse. */
  readonly configure?: ((object: BpfObject) => void) | undefined;
}

/** The prebuilt object for this machine's processor. */
export function prebuiltObject(): string {
  const arch = process.arch === 'arm64' ? 'arm64' : 'x86_64';
  const name = `bpf/lsm/prebuilt/ringfence.${arch}.bpf.o`;
  const path = join(PACKAGE_ROOT, name);
  if (fs.existsSync(path)) return path;
  throw new AppError('sensor/no-object', `${name} is missing`, {
    help: 'run `make -C bpf/lsm` (needs clang and bpftool)',
  });
}

/** Opens, checks, configures and loads the object. On failure everything is closed again. */
export function loadObject(options: LoadOptions): BpfObject {
  if (!fs.existsSync(VMLINUX)) {
    throw new AppError('sensor/no-btf', `this kernel has no type information (${VMLINUX} is missing)`, {
      help: 'use a kernel built with CONFIG_DEBUG_INFO_BTF=y: the kernels of Debian 11+, Ubuntu 20.10+, Fedora, RHEL 8.2+ have it',
    });
  }
  if (!seesHostPids()) {
    throw new AppError('sensor/pid-namespace', 'the engine runs in a PID namespace of its own', {
      help: 'records carry the numbers of the host, which mean nothing in here: use `docker run --pid=host`, or `hostPID: true` in the pod',
    });
  }
  if (!seesHostTime()) {
    throw new AppError(
      'sensor/time-namespace',
      'the engine runs in a time namespace with clocks of its own',
      {
        help: 'records carry the times of the host: start it outside of the namespace (unshare --time, a restored container)',
      },
    );
  }
  const elf = fs.readFileSync(options.objectPath ?? prebuiltObject());
  const btf = Btf.ofObject(elf);
  const hash = abiHash(readLayout(btf));
  if (hash !== ABI_HASH) {
    throw new AppError('sensor/abi', `the BPF object (${hash}) does not belong to this build (${ABI_HASH})`, {
      help: 'run `make -C bpf/lsm` and `npx tsx scripts/gen.ts`, then build again',
    });
  }
  const object = BpfObject.open(elf, 'ringfence', btf);
  try {
    object.select(options.programs);
    object.setMaxEntries('events', options.ringBytes);
    object.setMaxEntries('priority', options.priorityRingBytes);
    const slots = slotCount(native().possibleCpus());
    object.setMaxEntries('slots', slots);
    object.setConstant('rf_slot_mask', slots - 1);
    options.configure?.(object);
    object.load();
    return object;
  } catch (error) {
    object.close();
    throw error;
  }
}

/** Places to build records: a power of two, twice the CPUs and some more for programs that are interrupted. */
export function slotCount(cpus: number): number {
  let slots = MIN_SLOTS;
  while (slots < cpus * 2) slots *= 2;
  return slots;
}
