import type { BpfLink, BpfObject } from './bpf.ts';
import type { CaptureRow } from './capture.ts';
import { RF_CAPTURE_FLAG } from './layout.gen.ts';
import { openTracepoint } from './perf-event.ts';
import { syscallNumber } from './syscalls.ts';
import { openTracefs } from './tracefs.ts';

/**
 * How system calls are seen without LSM: `tracepoint` is one tracepoint a call, which costs other calls least;
 * `tp_btf` is a program on every call, for kernels that keep tracefs from us.
 */
export type CallTier = 'tracepoint' | 'tp_btf';

const PROGRAMS = {
  tracepoint: { exit: 'rf_sys_exit_tp', enter: 'rf_sys_enter_tp' },
  tp_btf: { exit: 'rf_sys_exit_btf', enter: 'rf_sys_enter_btf' },
} as const;

/** Tracepoints whose name is not the system call's. */
const TRACEPOINT_NAMES: Readonly<Record<string, string>> = {
  umount2: 'umount',
  sendfile: 'sendfile64',
  stat: 'newstat',
  lstat: 'newlstat',
  fstat: 'newfstat',
  uname: 'newuname',
};

type Side = 'enter' | 'exit';

interface Attachment {
  readonly name: string;
  readonly side: Side;
  /** tracefs id; undefined on the tp_btf tier. */
  readonly id: number | undefined;
}

/** Which programs see the wanted calls, and where they are attached. */
export class CallPrograms {
  readonly tier: CallTier;
  readonly unavailable: string[] = [];
  readonly #wanted = new Map<string, Attachment>();
  readonly #attached = new Set<string>();

  constructor(
    names: readonly string[],
    capture: ReadonlyMap<number, CaptureRow>,
    tier: CallTier | undefined,
  ) {
    const tracefs = tier === 'tp_btf' ? undefined : openTracefs();
    this.tier = tracefs === undefined ? 'tp_btf' : 'tracepoint';
    tracefs?.close();
    this.add(names, capture);
  }

  /** Programs to load. Both sides where calls may be added later: a live change cannot load programs. */
  get programs(): readonly string[] {
    return [PROGRAMS[this.tier].exit, PROGRAMS[this.tier].enter];
  }

  /** Wants more calls. */
  add(names: readonly string[], capture: ReadonlyMap<number, CaptureRow>): void {
    const tracefs = this.tier === 'tracepoint' ? openTracefs() : undefined;
    try {
      for (const name of names) {
        const side = sideOf(capture.get(syscallNumber(name) ?? -1));
        const id = tracefs?.id('syscalls', `sys_${side}_${TRACEPOINT_NAMES[name] ?? name}`);
        if (this.tier === 'tracepoint' && id === undefined) this.unavailable.push(name);
        else this.#want({ name, side, id });
      }
    } finally {
      tracefs?.close();
    }
  }

  /** Attaches what is wanted and not yet attached. */
  attach(object: BpfObject): BpfLink[] {
    const links: BpfLink[] = [];
    for (const [key, { side, id }] of this.#wanted) {
      if (this.#attached.has(key)) continue;
      const program = PROGRAMS[this.tier][side];
      links.push(
        id === undefined ? object.attach(program) : object.attachPerfEvent(program, openTracepoint(id)),
      );
      this.#attached.add(key);
    }
    return links;
  }

  #want(attachment: Attachment): void {
    this.#wanted.set(`${attachment.side} ${attachment.id ?? 'all'}`, attachment);
  }
}

function sideOf(row: CaptureRow | undefined): Side {
  return row !== undefined && (row.flags & RF_CAPTURE_FLAG.ENTER) !== 0 ? 'enter' : 'exit';
}
