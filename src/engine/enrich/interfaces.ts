import { networkInterfaces } from 'node:os';
import { parseAddress } from '../core/address.ts';

const REFRESH_MS = 30_000;

/** The addresses of this host, as byte strings. */
export class LocalAddresses {
  #addresses: ReadonlySet<string> = new Set();
  #readAt = Number.NEGATIVE_INFINITY;
  readonly #list: () => readonly string[];

  constructor(list: () => readonly string[] = listAddresses) {
    this.#list = list;
  }

  has(ip: string): boolean {
    if (ip.length === 4 && ip.charCodeAt(0) === 127) return true;
    const now = performance.now();
    if (now - this.#readAt > REFRESH_MS) {
      this.#addresses = new Set(this.#list());
      this.#readAt = now;
    }
    return this.#addresses.has(ip);
  }
}

function listAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .map((entry) => parseAddress(entry.address))
    .filter((ip) => ip !== undefined);
}
