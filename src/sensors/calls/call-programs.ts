import { existsSync, readFileSync } from 'node:fs';
import { AppError } from '../../engine/core/diagnostic.ts';
import type { BpfObject } from '../bpf/bpf.ts';
import { openTracepoint } from '../bpf/perf-event.ts';
import { probe } from '../bpf/probe.ts';
import { openTracefs, type Tracefs } from '../bpf/tracefs.ts';
import { hostArch, syscallNumber } from '../events/syscalls.ts';
import { RF_CAPTURE_FLAG } from '../record/layout.gen.ts';
import {
  attachCall,
  BODY_PROGRAMS,
  CallFunctions,
  type CallSide,
  type CallTarget,
  connectBodies,
  type Detachable,
  programMisses,
} from './call-functions.ts';
import type { CaptureRow } from './capture.ts';

/**
 * How system calls are seen. `function` is a program at each call's own function, and costs other calls nothing;
 * `tracepoint` is one tracepoint a call, for kernels without BPF trampolines, and puts every call of every process
 * on the slow path; `tp_btf` is a program on every call, for kernels that keep tracefs from us too.
 */
export type CallTier = 'function' | 'tracepoint' | 'tp_btf';

const PROGRAMS = {
  tracepoint: { exit: 'rf_sys_tp', enter: 'rf_sys_tp' },
  tp_btf: { exit: 'rf_sys_exit_btf', enter: 'rf_sys_enter_btf' },
} as const;
/** Sees calls that no tracepoint shows: those that the kernel does not know, and those of 32-bit callers. */
const OTHERS = 'rf_sys_others';

/** Calls that go by another name in the kernel. */
const KERNEL_NAMES: Readonly<Record<string, string>> = {
  umount2: 'umount',
  sendfile: 'sendfile64',
  stat: 'newstat',
  lstat: 'newlstat',
  fstat: 'newfstat',
  uname: 'newuname',
};

/** One place to attach to: what it is called, and how it is done. */
interface Place {
  readonly key: string;
  attach(object: BpfObject): Detachable;
}

/** Which programs see the wanted calls, and where they are attached. */
export class CallPrograms {
  readonly tier: CallTier;
  readonly unavailable: string[] = [];
  readonly #functions: CallFunctions | undefined;
  readonly #compat: boolean;
  readonly #wanted = new Map<string, Place>();
  readonly #attached = new Set<string>();
  /** Programs of the object that see one thing each. */
  readonly #single = new Set<string>();
  readonly #unknown = new Set<number>();
  /** Programs at functions, by fd: only these can be passed over. */
  readonly #atFunctions: number[] = [];
  #fallback = false;
  #connected = false;

  constructor(tier: CallTier | undefined, compat = true) {
    this.#compat = compat && runs32Bit();
    if (tier === undefined || tier === 'function') this.#functions = functionsThatFire();
    const tracefs = tier === 'tp_btf' ? undefined : openTracefs();
    this.tier = this.#functions !== undefined ? 'function' : tracefs === undefined ? 'tp_btf' : 'tracepoint';
    tracefs?.close();
  }

  /** Programs to load. Both sides where calls may be added later: a live change does not load programs. */
  get programs(): readonly string[] {
    const { tracepoint, tp_btf } = PROGRAMS;
    if (this.tier === 'tp_btf') return Object.values(tp_btf);
    const fallback = [...Object.values(tracepoint), OTHERS];
    if (this.tier === 'tracepoint') return fallback;
    return [...BODY_PROGRAMS, ...this.#single, ...(this.#fallback ? fallback : [])];
  }

  /** The kernel does not know this call: it always fails, and no hook of its own shows it. */
  isUnknown(nr: number): boolean {
    return this.#unknown.has(nr);
  }

  /** Wants more calls. */
  add(names: readonly string[], capture: ReadonlyMap<number, CaptureRow>): void {
    const tracefs = this.tier === 'tp_btf' ? undefined : openTracefs();
    try {
      for (const name of names) {
        const nr = syscallNumber(name);
        const row = capture.get(nr ?? -1);
        const side = sideOf(row);
        if (nr !== undefined && this.#addFunctions(name, nr, side)) continue;
        if (this.tier === 'tp_btf') this.#want(everyCall(side));
        else if (!this.#addTracepoint(name, side, tracefs) && !this.#addUnknown(nr, row)) {
          this.unavailable.push(name);
        }
      }
    } finally {
      tracefs?.close();
    }
  }

  /** Attaches what is wanted and not yet attached. */
  attach(object: BpfObject): Detachable[] {
    const links: Detachable[] = [];
    if (this.tier === 'function' && !this.#connected) connectBodies(object);
    this.#connected = true;
    for (const [key, place] of this.#wanted) {
      if (this.#attached.has(key)) continue;
      links.push(place.attach(object));
      this.#attached.add(key);
    }
    return links;
  }

  /** Calls that a program was passed over for, since it was attached. Before anything is detached. */
  misses(): number {
    return this.#atFunctions.reduce((sum, fd) => sum + programMisses(fd), 0);
  }

  #addFunctions(name: string, nr: number, side: CallSide): boolean {
    const functions = this.#functions;
    if (functions === undefined) return false;
    const own = side === 'exit' ? functions.openPrograms(name) : [];
    const placed = this.#addPrograms(own);
    const targets = placed ? [] : functions.targets(KERNEL_NAMES[name] ?? name, side);
    for (const target of targets) {
      this.#want({
        key: `${side} ${target.name}`,
        attach: (object) => this.#attachFunction(object, target, nr),
      });
    }
    if (!placed && targets.length === 0) return false;
    const uring = functions.uringPrograms(name);
    if (uring.length > 0 && !this.#addPrograms(uring)) this.unavailable.push(`${name} by io_uring`);
    return true;
  }

  /** False when there are none, or when it is too late: programs are loaded once, with the object. */
  #addPrograms(programs: readonly string[]): boolean {
    if (programs.length === 0) return false;
    if (this.#connected && !programs.every((program) => this.#single.has(program))) return false;
    for (const program of programs) {
      this.#single.add(program);
      this.#want({ key: program, attach: (object) => this.#attachProgram(object, program) });
    }
    return true;
  }

  #attachProgram(object: BpfObject, program: string): Detachable {
    const link = object.attach(program);
    this.#atFunctions.push(object.programFd(program));
    return link;
  }

  /** 32-bit callers are seen where the kernel lets us; a call that its own function can't show is a failure. */
  #attachFunction(object: BpfObject, target: CallTarget, nr: number): Detachable {
    const link = attachCall(object, target, nr);
    if (typeof link !== 'string') {
      this.#atFunctions.push(link.program);
      return link;
    }
    if (target.compat) return { destroy() {} };
    throw new AppError('sensor/attach', `cannot attach to ${target.name}: ${link}`);
  }

  #addTracepoint(name: string, side: CallSide, tracefs: Tracefs | undefined): boolean {
    const id = tracefs?.id('syscalls', `sys_${side}_${KERNEL_NAMES[name] ?? name}`);
    if (id === undefined || !this.#mayFallBack) return false;
    this.#fallback = true;
    const program = PROGRAMS.tracepoint[side];
    this.#want({
      key: `${side} tracepoint ${id}`,
      attach: (object) => object.attachPerfEvent(program, openTracepoint(id)),
    });
    if (this.tier === 'tracepoint' && this.#compat)
      this.#want({ key: OTHERS, attach: (object) => object.attach(OTHERS) });
    return true;
  }

  /** A call that the kernel does not know fails all the same: that is seen, at a cost for all calls, if it is wanted. */
  #addUnknown(nr: number | undefined, row: CaptureRow | undefined): boolean {
    if (nr === undefined || row === undefined || (row.flags & RF_CAPTURE_FLAG.FAILED) === 0) return false;
    if (!this.#mayFallBack) return false;
    this.#fallback = true;
    this.#unknown.add(nr);
    this.#want({ key: OTHERS, attach: (object) => object.attach(OTHERS) });
    return true;
  }

  /** Programs cannot be loaded later: what needs the other tier first shows up when the object is loaded. */
  get #mayFallBack(): boolean {
    return !(this.#connected && this.tier === 'function' && !this.#fallback);
  }

  #want(place: Place): void {
    this.#wanted.set(place.key, place);
  }
}

function everyCall(side: CallSide): Place {
  return { key: `${side} all`, attach: (object) => object.attach(PROGRAMS.tp_btf[side]) };
}

/**
 * This kernel takes calls of 32-bit programs: then it also has the switch for their vdso, and was not booted with
 * `ia32_emulation=off` (Documentation/admin-guide/kernel-parameters.txt; the last one counts).
 */
function runs32Bit(): boolean {
  if (hostArch() !== 'x64') return false;
  if (existsSync('/proc/sys/abi') && !existsSync('/proc/sys/abi/vsyscall32')) return false;
  return takes32Bit(readFileSync('/proc/cmdline', 'latin1'));
}

/** Whether a kernel with this command line takes calls of 32-bit programs. */
export function takes32Bit(commandLine: string): boolean {
  const said = [...commandLine.matchAll(/(?:^|\s)ia32_emulation=(\S*)/g)].at(-1)?.[1];
  return said === undefined || !/^(0|n|of)/i.test(said);
}

/** The functions of calls, where programs at functions really run. */
function functionsThatFire(): CallFunctions | undefined {
  return probe('fentry').answer === 'yes' ? CallFunctions.open() : undefined;
}

function sideOf(row: CaptureRow | undefined): CallSide {
  return row !== undefined && (row.flags & RF_CAPTURE_FLAG.ENTER) !== 0 ? 'enter' : 'exit';
}
