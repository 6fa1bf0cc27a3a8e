import { promises as dns } from 'node:dns';
import { parseAddress } from '../core/address.ts';

const NAMES_MAX = 1_000;
const FIRST_REFRESH_MS = 10_000;
const LAST_REFRESH_MS = 320_000;
const PARALLEL = 8;
const NAME = /^[a-z0-9_]([a-z0-9_.-]{0,251}[a-z0-9])?$/i;

interface Watched {
  readonly name: string;
  addresses: readonly string[];
  wait: number;
  due: number;
}

export type Resolve = (name: string) => Promise<readonly string[]>;

/**
 * Names of addresses, from the names that rules compare with: they are resolved in the background, and an address has
 * a name when the name resolves to it. Bounded in names and in questions under way; nothing waits for an answer.
 */
export class AddressNames {
  readonly #watched = new Map<string, Watched>();
  #byAddress = new Map<string, string[]>();
  readonly #resolve: Resolve;
  #timer: NodeJS.Timeout | undefined;
  #running = 0;
  /** Names over the limit, not resolved. */
  ignored = 0;

  constructor(resolve: Resolve = resolveName) {
    this.#resolve = resolve;
  }

  /** Replaces the names that are kept resolved. */
  watch(names: Iterable<string>): void {
    const wanted = new Set([...names].filter((name) => NAME.test(name) && parseAddress(name) === undefined));
    for (const name of this.#watched.keys()) if (!wanted.has(name)) this.#watched.delete(name);
    this.ignored = 0;
    for (const name of wanted) {
      if (this.#watched.has(name)) continue;
      if (this.#watched.size >= NAMES_MAX) this.ignored++;
      else this.#watched.set(name, { name, addresses: [], wait: FIRST_REFRESH_MS, due: 0 });
    }
    this.#index();
    if (this.#watched.size === 0) this.close();
    else this.#timer ??= setInterval(() => this.#refresh(), 1_000).unref();
    this.#refresh();
  }

  /** Names known for an address; empty when there is none. */
  of(ip: string): readonly string[] {
    return this.#byAddress.get(ip) ?? NONE;
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #refresh(): void {
    const now = performance.now();
    for (const watched of this.#watched.values()) {
      if (this.#running >= PARALLEL) return;
      if (watched.due <= now) void this.#ask(watched, now);
    }
  }

  async #ask(watched: Watched, now: number): Promise<void> {
    this.#running++;
    watched.due = now + watched.wait;
    watched.wait = Math.min(watched.wait * 2, LAST_REFRESH_MS);
    try {
      const texts = await this.#resolve(watched.name);
      watched.addresses = texts.map(parseAddress).filter((ip) => ip !== undefined);
      this.#index();
    } catch {
      // No answer: what was known stays, and the name is asked for again later.
    }
    this.#running--;
  }

  #index(): void {
    const index = new Map<string, string[]>();
    for (const { name, addresses } of this.#watched.values()) {
      for (const ip of addresses) {
        const names = index.get(ip);
        if (names === undefined) index.set(ip, [name]);
        else names.push(name);
      }
    }
    this.#byAddress = index;
  }
}

const NONE: readonly string[] = [];

async function resolveName(name: string): Promise<readonly string[]> {
  return (await dns.lookup(name, { all: true })).map((entry) => entry.address);
}
