import { networkInterfaces } from 'node:os';

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
    .map((entry) => ipBytes(entry.address))
    .filter((ip) => ip !== undefined);
}

/** The byte string of an address text; a scope (`%eth0`) is left out. */
export function ipBytes(text: string): string | undefined {
  const plain = text.split('%', 1)[0]!;
  if (!plain.includes(':')) {
    const parts = plain.split('.').map(Number);
    const valid = parts.length === 4 && parts.every((p) => Number.isInteger(p) && p >= 0 && p <= 255);
    return valid ? String.fromCharCode(...parts) : undefined;
  }
  const embedded = /^(.*:)(\d+\.\d+\.\d+\.\d+)$/.exec(plain);
  if (embedded !== null) {
    const v4 = ipBytes(embedded[2]!);
    const head = v4 === undefined ? undefined : `${embedded[1]}${group(v4, 0)}:${group(v4, 2)}`;
    return head === undefined ? undefined : ipBytes(head);
  }
  const [left, right] = plain.split('::');
  const head = left === '' ? [] : left!.split(':');
  const tail = right === undefined || right === '' ? [] : right.split(':');
  const gap = plain.includes('::') ? 8 - head.length - tail.length : 0;
  if (gap < 0) return undefined;
  const groups = [...head, ...Array<string>(gap).fill('0'), ...tail].map((g) => Number.parseInt(g, 16));
  if (groups.length !== 8 || groups.some((g) => !(g >= 0 && g <= 0xffff))) return undefined;
  return String.fromCharCode(...groups.flatMap((g) => [g >> 8, g & 0xff]));
}

function group(bytes: string, at: number): string {
  return ((bytes.charCodeAt(at) << 8) | bytes.charCodeAt(at + 1)).toString(16);
}
