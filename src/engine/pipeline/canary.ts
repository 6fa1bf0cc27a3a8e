/** How many canaries in a row must stay away before somebody is told. One can be lost with a full ring. */
const MISSES = 2;

/** What changed with a tick; undefined while all is as it was. */
export type CanaryChange = 'missing' | 'back';

export interface CanaryState {
  /** Whether the sensors are known to see; true while nothing speaks against it. */
  readonly ok: boolean;
  /** The system call that serves; absent when rules watch none that is harmless. */
  readonly call: string | undefined;
  readonly sent: number;
  readonly seen: number;
}

/**
 * A harmless act of the engine's own that must come back as an event: the proof that hooks, rings and reader work.
 * It answers for the whole way, which no counter does: a program that somebody detached counts nothing.
 */
export class Canary {
  readonly #act: (call: string) => void;
  #call: string | undefined;
  #sent = 0;
  #seen = 0;
  #open = 0;
  #ok = true;

  constructor(call: string | undefined, act: (call: string) => void) {
    this.#call = call;
    this.#act = act;
  }

  /** Other calls are watched from now on. */
  use(call: string | undefined): void {
    this.#call = call;
    this.#open = 0;
  }

  /** The act came back. */
  saw(): void {
    this.#seen++;
    this.#open = 0;
  }

  /** Looks what became of the last acts and acts again; to be called once in an interval, long after a drain. */
  tick(): CanaryChange | undefined {
    const ok = this.#open < MISSES;
    const change = ok === this.#ok ? undefined : ok ? 'back' : 'missing';
    this.#ok = ok;
    if (this.#call !== undefined) {
      this.#sent++;
      this.#open++;
      this.#act(this.#call);
    }
    return change;
  }

  state(): CanaryState {
    return { ok: this.#ok, call: this.#call, sent: this.#sent, seen: this.#seen };
  }
}
