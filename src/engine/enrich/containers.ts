import { ContainerInfo, type ContainerMetadata, HOST } from './container.ts';
import { type CgroupContainer, type ContainerType, shortId } from './container-id.ts';

/** A source of container metadata: a runtime's API. */
export interface ContainerRuntime {
  readonly name: string;
  /** Types of containers that it may know. */
  readonly types: readonly ContainerType[];
  /** Its socket is there: it is worth asking. */
  readonly available: boolean;
  /** Metadata of a container; undefined when this runtime does not know it. Rejects when it cannot be asked. */
  inspect(fullId: string, signal: AbortSignal): Promise<ContainerMetadata | undefined>;
  close(): void;
}

const CONTAINERS_MAX = 8_192;
const ATTEMPTS = 3;
const RETRY_MS = [100, 500];
const TIMEOUT_MS = 2_000;
/** After this time a container that no runtime knew is asked for again, without anybody waiting. */
const AGAIN_MS = 30_000;
const PARALLEL = 4;

/**
 * All containers seen. A new one is looked up in the runtimes in the background; its processes' events go on meanwhile
 * and say that the metadata is pending.
 */
export class ContainerRegistry {
  readonly #runtimes: readonly ContainerRuntime[];
  readonly #known = new Map<string, ContainerInfo>();
  readonly #waiting: ContainerInfo[] = [];
  readonly #abort = new AbortController();
  #running = 0;
  /** Called when a container's metadata has come, or is known not to come. */
  onSettled: ((container: ContainerInfo) => void) | undefined;

  constructor(runtimes: readonly ContainerRuntime[]) {
    this.#runtimes = runtimes;
  }

  /** The container that a cgroup names; the host's pseudo-container for none. */
  of(named: CgroupContainer | undefined): ContainerInfo {
    if (named === undefined) return HOST;
    const found = this.#known.get(named.fullId);
    if (found !== undefined) {
      if (found.state === 'unknown' && performance.now() - found.askedAt > AGAIN_MS) this.#enqueue(found);
      return found;
    }
    const state = this.#runtimesFor(named.type).length === 0 ? 'unknown' : 'pending';
    const container = new ContainerInfo(shortId(named.fullId), named.fullId, named.type, state);
    this.#remember(container);
    this.#enqueue(container);
    return container;
  }

  /** All containers seen, for diagnosis. */
  all(): IterableIterator<ContainerInfo> {
    return this.#known.values();
  }

  close(): void {
    this.#abort.abort();
    for (const runtime of this.#runtimes) runtime.close();
  }

  #runtimesFor(type: ContainerInfo['type']): readonly ContainerRuntime[] {
    return this.#runtimes.filter(
      (runtime) => type !== 'host' && runtime.types.includes(type) && runtime.available,
    );
  }

  #enqueue(container: ContainerInfo): void {
    container.askedAt = performance.now();
    if (this.#runtimesFor(container.type).length === 0) return;
    this.#waiting.push(container);
    this.#next();
  }

  #remember(container: ContainerInfo): void {
    if (this.#known.size >= CONTAINERS_MAX) {
      const oldest = this.#known.keys().next().value;
      if (oldest !== undefined) this.#known.delete(oldest);
    }
    this.#known.set(container.fullId, container);
  }

  #next(): void {
    while (this.#running < PARALLEL) {
      const container = this.#waiting.shift();
      if (container === undefined) return;
      this.#running++;
      void this.#lookUp(container).then((metadata) => {
        this.#running--;
        container.metadata = metadata;
        container.state = metadata === undefined ? 'unknown' : 'known';
        this.onSettled?.(container);
        this.#next();
      });
    }
  }

  async #lookUp(container: ContainerInfo): Promise<ContainerMetadata | undefined> {
    for (let attempt = 0; attempt < ATTEMPTS && !this.#abort.signal.aborted; attempt++) {
      if (attempt > 0) await pause(RETRY_MS[attempt - 1] ?? 0);
      for (const runtime of this.#runtimesFor(container.type)) {
        const found = await this.#ask(runtime, container.fullId);
        if (found !== undefined) return found;
      }
    }
    return undefined;
  }

  async #ask(runtime: ContainerRuntime, fullId: string): Promise<ContainerMetadata | undefined> {
    try {
      return await runtime.inspect(
        fullId,
        AbortSignal.any([this.#abort.signal, AbortSignal.timeout(TIMEOUT_MS)]),
      );
    } catch {
      // A runtime that is not there or does not answer is like one that does not know the container.
      return undefined;
    }
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
