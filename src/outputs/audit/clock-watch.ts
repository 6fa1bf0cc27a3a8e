import { rfc3339Nano } from '../formats/time.ts';
import { type Entry, entry } from './entry.ts';

/** A step smaller than this is noise: adjusting by small amounts is what keeps a clock right. */
const STEP_NS = 1_000_000_000n;

/** Notices that the wall clock was set (or the machine slept) by comparing it with the monotonic one. */
export class ClockWatch {
  readonly #wall: () => bigint;
  readonly #monotonic: () => bigint;
  #wallNs: bigint;
  #monotonicNs: bigint;

  constructor(wall: () => bigint, monotonic: () => bigint = process.hrtime.bigint) {
    this.#wall = wall;
    this.#monotonic = monotonic;
    this.#wallNs = wall();
    this.#monotonicNs = monotonic();
  }

  /** How far the wall clock has leapt ahead since the last `step`, in ns; negative if it was set back. */
  ahead(): bigint {
    return this.#wall() - this.#wallNs - (this.#monotonic() - this.#monotonicNs);
  }

  /** The row that records a step since the last call, if there was one. */
  step(): Entry | undefined {
    const wallNs = this.#wall();
    const monotonicNs = this.#monotonic();
    const elapsed = monotonicNs - this.#monotonicNs;
    const stepNs = wallNs - this.#wallNs - elapsed;
    const before = this.#wallNs + elapsed;
    this.#wallNs = wallNs;
    this.#monotonicNs = monotonicNs;
    const size = stepNs < 0n ? -stepNs : stepNs;
    // A clock that is slewed gains or loses up to half a millisecond in a second.
    if (size <= STEP_NS + elapsed / 1000n) return undefined;
    const seconds = Number(stepNs) / 1e9;
    const from = rfc3339Nano(before);
    const to = rfc3339Nano(wallNs);
    return entry(
      'clock',
      { from, to, seconds, direction: stepNs < 0n ? 'back' : 'forward' },
      { timeNs: wallNs },
    );
  }
}
