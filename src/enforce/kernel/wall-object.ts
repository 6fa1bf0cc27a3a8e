import type { BpfLink, BpfObject } from '../../sensors/bpf/bpf.ts';
import { attachWall } from './network-wall.ts';

/**
 * The programs of the network wall, over the maps of the engine's object. Verifying them takes as long as everything
 * else that the engine loads, and most engines start with nothing for the wall to refuse: then they are loaded beside
 * the running engine.
 */
export class WallObject {
  readonly #main: BpfObject;
  readonly #programs: readonly string[];
  #object: BpfObject | undefined;
  #loading: Promise<void> | undefined;
  #failed: Error | undefined;

  constructor(main: BpfObject, programs: readonly string[]) {
    this.#main = main;
    this.#programs = programs;
  }

  /** What `attach` and `close` have to wait for: that it loads at this moment. */
  get loading(): Promise<void> | undefined {
    return this.#loading;
  }

  /** Loads beside this thread; a failure is told by `attach`. */
  prepare(): Promise<void> {
    if (this.#object !== undefined || this.#programs.length === 0) return this.#loading ?? Promise.resolve();
    const object = this.#open();
    this.#object = object;
    this.#loading = object
      .loadLater()
      .catch((error: Error) => {
        this.#failed = error;
      })
      .finally(() => {
        this.#loading = undefined;
      });
    return this.#loading;
  }

  /** Loads at once, if that has not been done. */
  load(): BpfObject {
    if (this.#failed) throw this.#failed;
    if (this.#object !== undefined) return this.#object;
    const object = this.#open();
    object.load();
    this.#object = object;
    return object;
  }

  /** Attaches programs at a cgroup. Not while it loads. */
  attach(cgroup: string, programs: readonly string[]): Map<string, BpfLink> {
    return attachWall(this.load(), cgroup, programs);
  }

  /** Not while it loads. */
  close(): void {
    this.#object?.close();
    this.#object = undefined;
  }

  #open(): BpfObject {
    const object = this.#main.again();
    object.select(new Set(this.#programs));
    return object;
  }
}
