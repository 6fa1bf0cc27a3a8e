import { AppError } from '../engine/core/diagnostic.ts';
import { type BpfMap, type BpfObject, VERIFIERS } from './bpf/bpf.ts';
import { native, type Poll, pollReadable } from './bpf/libbpf.ts';
import type { Detachable } from './calls/call-functions.ts';
import { CallPrograms, type CallTier } from './calls/call-programs.ts';
import { type CaptureRow, encodeCapture } from './calls/capture.ts';
import { makeHarmlessCall, threadId } from './calls/self-call.ts';
import { Control } from './control.ts';
import { hostArch } from './events/syscalls.ts';
import { compatCalls } from './events/syscalls-ia32.ts';
import { loadObject } from './loader.ts';
import { RF_CAPTURE_FLAG, RF_FLAG, RF_STAT, STRUCTS } from './record/layout.gen.ts';
import type { AnyRec } from './record/record.gen.ts';
import { mapRing, type Ring } from './record/ring.ts';
import { RingPump, type Waker } from './record/ring-pump.ts';
import { type Gap, SeqTracker } from './record/seq-tracker.ts';
import { PRIORITY_RING_BYTES, RING_BYTES } from './ring-bytes.ts';

const LIFECYCLE = ['rf_exec', 'rf_fork', 'rf_exit'];
const GAP_CHECK_MS = 250;
const NO_CAPTURE = Buffer.alloc(STRUCTS.rf_capture.size);

/** Which calls to show. */
export interface WantedCalls {
  /** What to copy, by system call number. */
  readonly capture: ReadonlyMap<number, CaptureRow>;
  /** Names of the system calls in `capture`. */
  readonly tracepoints: readonly string[];
}

/** What does not depend on calls. */
export interface SensorBasics {
  /** Also fork, exec and exit. */
  readonly lifecycle: boolean;
  readonly ringBytes?: number | undefined;
  readonly priorityRingBytes?: number | undefined;
  /** A process to leave out: the engine itself. 0 or absent = none. */
  readonly ignorePid?: number | undefined;
  readonly objectPath?: string | undefined;
  /** How calls are seen; absent = the best that this kernel offers. */
  readonly calls?: CallTier | undefined;
  /** Whether calls of 32-bit callers are worth a program at every call, where only that shows them; absent = yes. */
  readonly compatCalls?: boolean | undefined;
  /** Further programs of the object to load; their owner attaches them through `object`. */
  readonly programs?: readonly string[] | undefined;
  readonly configure?: ((object: BpfObject) => void) | undefined;
}

export interface SensorOptions extends WantedCalls, SensorBasics {}

/** Records that were made, or should have been, and never came. */
export interface Loss extends Gap {
  readonly stage: 'kernel' | 'decode';
  readonly reason: 'ring_full' | 'no_slot' | 'passed_over' | 'undecodable';
  readonly ring: 'events' | 'priority';
}

export interface SensorHandlers {
  /** The record is valid until it returns: copy what you keep. */
  record(rec: AnyRec): void;
  batchEnd(): void;
  loss(loss: Loss): void;
  /** What `makeCanary` did has come back. */
  canary?(): void;
  failed(error: unknown): void;
}

/** How full a ring is, in bytes. */
export interface RingLevel {
  readonly ring: 'events' | 'priority';
  readonly pending: number;
  readonly capacity: number;
}

/** Counters since the sensor was opened. */
export interface SensorStats {
  readonly emitted: number;
  readonly filtered: number;
  readonly self: number;
  /** 32-bit system calls that are none of ours, where all are looked at. */
  readonly compat: number;
  readonly lostRing: number;
  readonly lostPriority: number;
  readonly lostSlot: number;
  /** Operations that rules may have refused and that went through: there was no place to judge them in. */
  readonly unjudged: number;
  readonly received: number;
  readonly undecodable: number;
  /** Records that came after they had been reported as lost. */
  readonly late: number;
  /** Bytes that wait in the bulk ring. */
  readonly pending: number;
}

/** The kernel's events on this host. Lives in one thread: the one that opens it. */
export class KernelSensor {
  readonly object: BpfObject;
  readonly control: Control;
  readonly #calls: CallPrograms;
  /** Programs that are loaded whatever the calls. */
  readonly #programs: readonly string[];
  readonly #begun = new Set<string>();
  #loading: Promise<unknown> = Promise.resolve();
  readonly #lifecycle: boolean;
  readonly #links: Detachable[] = [];
  readonly #capture: BpfMap;
  readonly #rings: { bulk: Ring; priority: Ring };
  readonly #unmap: (() => void)[] = [];
  readonly #trackers = [new SeqTracker(), new SeqTracker()] as const;
  readonly #ignorePid: number;
  #polls: Poll[] = [];
  #pump: RingPump | undefined;
  #gapTimer: NodeJS.Timeout | undefined;
  #rows: ReadonlyMap<number, CaptureRow> = new Map();
  #received = 0;
  #undecodable = 0;
  /** Losses that were told of as those of a full ring, by ring. */
  readonly #toldFull = [0, 0];
  #missed = 0;
  #closed = false;
  #tid: number | undefined;

  /** Loads and maps; nothing is attached before `start`. */
  static open(options: SensorOptions): KernelSensor {
    const sensor = new KernelSensor(options);
    return sensor.#guarded(() => {
      sensor.#want(options);
      sensor.object.add(sensor.#unloaded());
      return sensor;
    });
  }

  /**
   * The same where time counts: returns when the maps are there. The verifier works beside this thread; what depends on
   * calls follows with `watch`.
   */
  static begin(options: SensorBasics): KernelSensor {
    const sensor = new KernelSensor(options);
    return sensor.#guarded(() => {
      sensor.#verify();
      return sensor;
    });
  }

  private constructor(options: SensorBasics) {
    this.#calls = new CallPrograms(options.calls, options.compatCalls);
    this.#lifecycle = options.lifecycle;
    this.#ignorePid = options.ignorePid ?? 0;
    this.#programs = [...(options.lifecycle ? LIFECYCLE : []), ...(options.programs ?? [])];
    const {
      ringBytes = RING_BYTES,
      priorityRingBytes = PRIORITY_RING_BYTES,
      objectPath,
      configure,
    } = options;
    this.object = loadObject({ programs: new Set(), ringBytes, priorityRingBytes, objectPath, configure });
    [this.control, this.#rings, this.#capture] = this.#guarded(() => {
      const control = new Control(this.object);
      this.#unmap.push(() => control.close());
      const bulk = mapRing(this.object.map('events').fd, ringBytes);
      this.#unmap.push(bulk.unmap);
      const priority = mapRing(this.object.map('priority').fd, priorityRingBytes);
      this.#unmap.push(priority.unmap);
      if (hostArch() === 'x64') writeCompatCalls(this.object.map('compat_calls'));
      return [control, { bulk: bulk.ring, priority: priority.ring }, this.object.map('capture')];
    });
  }

  /** Nothing is left of a sensor that could not be opened. */
  #guarded<T>(open: () => T): T {
    try {
      return open();
    } catch (error) {
      for (const unmap of this.#unmap) unmap();
      this.object.close();
      throw error;
    }
  }

  /** What these calls need is loaded as well; after `begin`, before `start`. */
  watch(calls: WantedCalls): void {
    this.#want(calls);
    this.#verify();
  }

  /** Resolves when all that was begun is loaded; before `start`, and before `close`. */
  async loaded(): Promise<void> {
    await this.#loading;
  }

  #want({ tracepoints, capture }: WantedCalls): void {
    this.#calls.add(tracepoints, capture);
    this.setCapture(capture);
  }

  #verify(): void {
    const loading = this.object.addLater(this.#unloaded(), VERIFIERS);
    this.#loading = Promise.all([this.#loading, loading]);
    // Whoever waits for it is told.
    this.#loading.catch(() => {});
  }

  /** Programs that nobody has begun to load; from now on they are. */
  #unloaded(): string[] {
    // What the verifier takes long for comes first.
    const wanted = new Set([...this.#calls.programs, ...this.#programs]);
    for (const name of this.#begun) wanted.delete(name);
    for (const name of wanted) this.#begun.add(name);
    return [...wanted];
  }

  /** Attaches and begins to read. Lifecycle first, so that no call is seen of a process that is not known. */
  start(handlers: SensorHandlers): void {
    if (this.#pump !== undefined) throw new Error('the sensor was started before');
    this.control.setIgnored(this.#ignorePid);
    for (const tracker of this.#trackers) tracker.clock = performance.now();
    this.#polls = [pollReadable(this.object.map('events').fd), pollReadable(this.object.map('priority').fd)];
    this.#pump = new RingPump(this.#rings, this.#waker(), {
      record: (rec) => this.#record(rec, handlers),
      undecodable: (ring) => {
        this.#undecodable++;
        handlers.loss({ stage: 'decode', reason: 'undecodable', ring, count: 1, from: 0, to: 0 });
      },
      batchEnd: () => handlers.batchEnd(),
      failed: (error) => handlers.failed(error),
    });
    try {
      if (this.#lifecycle) for (const name of LIFECYCLE) this.#links.push(this.object.attach(name));
      this.#links.push(...this.#calls.attach(this.object));
    } catch (error) {
      this.close();
      throw error;
    }
    this.#gapTimer = setInterval(() => this.#reportGaps(handlers), GAP_CHECK_MS);
    this.#pump.start();
  }

  /** Replaces what is copied, live. Calls whose tracepoint is not attached stay unseen. */
  setCapture(rows: ReadonlyMap<number, CaptureRow>): void {
    this.#rows = rows;
    const key = Buffer.alloc(4);
    for (let nr = 0; nr < this.#capture.maxEntries; nr++) {
      const row = rows.get(nr);
      key.writeUInt32LE(nr);
      this.#capture.update(key, row === undefined ? NO_CAPTURE : encodeCapture(this.#marked(nr, row)));
    }
    for (const nr of rows.keys()) {
      if (nr >= this.#capture.maxEntries)
        throw new AppError('sensor/capture', `no room for system call ${nr}`);
    }
  }

  #marked(nr: number, row: CaptureRow): CaptureRow {
    return this.#calls.isUnknown(nr) ? { ...row, flags: row.flags | RF_CAPTURE_FLAG.NO_HOOK } : row;
  }

  stats(): SensorStats {
    const counts = this.#kernelCounts();
    return {
      emitted: counts[RF_STAT.EMITTED]!,
      filtered: counts[RF_STAT.FILTERED]!,
      self: counts[RF_STAT.SELF]!,
      compat: counts[RF_STAT.COMPAT]!,
      lostRing: counts[RF_STAT.LOST_RING]!,
      lostPriority: counts[RF_STAT.LOST_PRIORITY]!,
      lostSlot: counts[RF_STAT.LOST_SLOT]!,
      unjudged: counts[RF_STAT.UNJUDGED]!,
      received: this.#received,
      undecodable: this.#undecodable,
      late: this.#trackers[0].late + this.#trackers[1].late,
      pending: this.#rings.bulk.pending(),
    };
  }

  /** How full the rings are. */
  levels(): RingLevel[] {
    const { bulk, priority } = this.#rings;
    const level = (ring: RingLevel['ring'], pending: number): RingLevel => ({
      ring,
      pending,
      capacity: this.object.map(ring).maxEntries,
    });
    return [level('events', bulk.pending()), level('priority', priority.pending())];
  }

  /** How calls are seen. */
  get calls(): CallTier {
    return this.#calls.tier;
  }

  /** System calls asked for that this kernel cannot show. */
  get unavailable(): readonly string[] {
    return this.#calls.unavailable;
  }

  /** Attaches more system calls, live, after `setCapture`. Those that this kernel does not have are added to `unavailable`. */
  addTracepoints(names: readonly string[]): void {
    this.#calls.add(names, this.#rows);
    if (this.#pump !== undefined) this.#links.push(...this.#calls.attach(this.object));
  }

  /** Makes a call of this thread's own that comes back through hook, ring and reader, and is no event. */
  makeCanary(call: string): void {
    this.#tid ??= threadId();
    this.control.setCanary(this.#tid);
    try {
      makeHarmlessCall(call);
    } finally {
      this.control.setCanary(0);
    }
  }

  /** Handles what is in the rings now, without waiting. */
  drain(): number {
    return this.#pump?.drain() ?? 0;
  }

  /** Detaches all programs at once; then only `close` is left to be called. */
  async detach(): Promise<void> {
    clearInterval(this.#gapTimer);
    await Promise.all(this.#links.map((link) => link.destroyLater?.() ?? link.destroy()));
    this.#links.length = 0;
  }

  /** Detaches, and gives everything back. The order matters: a view that outlives its mapping kills the process. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const link of this.#links) link.destroy();
    clearInterval(this.#gapTimer);
    this.#pump?.close();
    for (const poll of this.#polls) poll.close();
    // libuv lets go of the fds in its next turn; until then the maps must live, and so must what still loads.
    const release = (): void => {
      for (const unmap of this.#unmap) unmap();
      this.object.close();
    };
    void this.#loading.catch(() => {}).then(() => setImmediate(release));
  }

  #waker(): Waker {
    return {
      arm: (callback, rings) => {
        this.control.setWake(true, rings === 'both');
        for (const poll of rings === 'both' ? this.#polls : this.#polls.slice(0, 1)) poll.start(callback);
      },
      // The fds stay readable as long as a record waits: watching them while draining would spin.
      disarm: () => {
        for (const poll of this.#polls) poll.stop();
        this.control.setWake(false, false);
      },
    };
  }

  #record(rec: AnyRec, handlers: SensorHandlers): void {
    this.#received++;
    const tracker = rec.ring === 1 ? this.#trackers[1] : this.#trackers[0];
    tracker.seen(rec.seq, rec.ts);
    if ((rec.flags & RF_FLAG.CANARY) !== 0) handlers.canary?.();
    else handlers.record(rec);
  }

  #reportGaps(handlers: SensorHandlers): void {
    const now = performance.now();
    for (const tracker of this.#trackers) tracker.clock = now;
    const missed = this.#calls.misses();
    if (missed > this.#missed) {
      const count = missed - this.#missed;
      handlers.loss({ stage: 'kernel', reason: 'passed_over', ring: 'events', count, from: 0, to: 0 });
      this.#missed = missed;
    }
    const rings = [this.#rings.bulk, this.#rings.priority] as const;
    (['events', 'priority'] as const).forEach((ring, i) => {
      // Read first: what is given out after it is not expected yet.
      const next = this.control.sequence(i as 0 | 1);
      if (rings[i]!.pending() === 0) this.#trackers[i]!.expect(next, now);
      const gaps = this.#trackers[i]!.expired(now);
      if (gaps.length === 0) return;
      const counts = this.#kernelCounts();
      const full = counts[i === 0 ? RF_STAT.LOST_RING : RF_STAT.LOST_PRIORITY]!;
      for (const gap of gaps) {
        // A gap does not say why: as many as the kernel had no room for were lost for that.
        const count = Math.min(gap.count, Math.max(0, full - this.#toldFull[i]!));
        this.#toldFull[i]! += count;
        if (count > 0) handlers.loss({ ...gap, count, stage: 'kernel', reason: 'ring_full', ring });
        const rest = gap.count - count;
        if (rest > 0) handlers.loss({ ...gap, count: rest, stage: 'kernel', reason: 'no_slot', ring });
      }
    });
  }

  #kernelCounts(): number[] {
    const stats = this.object.map('stats');
    const key = Buffer.alloc(4);
    return Array.from({ length: stats.maxEntries }, (_, i) => {
      key.writeUInt32LE(i);
      const value = stats.lookup(key)!;
      let sum = 0;
      for (let cpu = 0; cpu < native().possibleCpus(); cpu++) sum += Number(value.readBigUInt64LE(cpu * 8));
      return sum;
    });
  }
}

/** Tells the kernel which call of ours each 32-bit call is. */
function writeCompatCalls(map: BpfMap): void {
  const rows = compatCalls();
  const keys = Uint32Array.from(rows, ([theirs]) => theirs);
  const values = Uint32Array.from(rows, ([, ours]) => ours + 1);
  map.updateBatch(new Uint8Array(keys.buffer), new Uint8Array(values.buffer));
}
