import type { BpfLink, BpfObject } from '../../sensors/bpf/bpf.ts';
import { attachWall } from './network-wall.ts';

/**
 * The programs of the network wall. Verifying them takes as long as everything else that the engine loads, and most
 * engines start with nothing for the wall to refuse: then they are loaded beside the running engine.
 */
export class WallObject {
  readonly #object: BpfObject;
  readonly #programs: readonly string[];
  #loaded: boolean;
  #loading: Promise<void> | undefined;
  #failed: Error | undefined;

  constructor(object: BpfObject, programs: readonly string[]) {
    this.#object = object;
    this.#programs = programs;
    this.#loaded = programs.length === 0;
  }

  /** What `attach` and closing the object have to wait for: that it loads at this moment. */
  get loading(): Promise<void> | undefined {
    return this.#loading;
  }

  /** Loads beside this thread, in so many; a failure is told by `attach`. */
  prepare(threads = 1): Promise<void> {
    if (this.#loaded) return this.#loading ?? Promise.resolve();
    this.#loaded = true;
    this.#loading = this.#object
      .addLater(this.#programs, threads)
      .catch((error: Error) => {
        this.#failed = error;
      })
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }

  /** Loads at once, if that has not been done. */
  load(): void {
    if (this.#failed) throw this.#failed;
    if (!this.#loaded) this.#object.add(this.#programs);
    this.#loaded = true;
  }

  /** Attaches programs at a cgroup. Not while it loads. */
  attach(cgroup: string, programs: readonly string[]): Map<string, BpfLink> {
    this.load();
    return attachWall(this.#object, cgroup, programs);
  }
}
