/** IP addresses and networks as byte strings of 4 or 16 bytes in network order. */
import ipaddr from 'ipaddr.js';

export interface Network {
  readonly address: string;
  readonly prefix: number;
}

/** Parses an address; IPv4-mapped IPv6 becomes IPv4, as events carry it. */
export function parseAddress(text: string): string | undefined {
  if (!/^[0-9.]+$/.test(text) && !text.includes(':')) return undefined;
  if (text.includes('%')) return undefined;
  if (!text.includes(':') && !ipaddr.IPv4.isValidFourPartDecimal(text)) return undefined;
  if (!ipaddr.isValid(text)) return undefined;
  const parsed = ipaddr.process(text);
  return String.fromCharCode(...parsed.toByteArray());
}

/** Parses `address/prefix`; bits beyond the prefix are masked. */
export function parseNetwork(text: string): Network | undefined {
  const match = /^([^/]+)\/([0-9]{1,3})$/.exec(text);
  if (match === null) return undefined;
  const address = parseAddress(match[1]!);
  let prefix = Number(match[2]);
  if (address === undefined) return undefined;
  if (address.length === 4 && match[1]!.includes(':')) prefix -= 96;
  if (prefix < 0 || prefix > address.length * 8) return undefined;
  return { address: mask(address, prefix), prefix };
}

/** The address with all bits beyond the prefix cleared. */
export function mask(address: string, prefix: number): string {
  const whole = prefix >> 3;
  const rest = prefix & 7;
  let out = address.slice(0, whole);
  if (rest > 0) out += String.fromCharCode(address.charCodeAt(whole) & (0xff00 >> rest) & 0xff);
  return out + '\0'.repeat(address.length - out.length);
}

/** A matcher for a set of networks; the cost is the number of distinct prefix lengths. */
export function compileNetworks(networks: readonly Network[]): (address: string) => boolean {
  const v4 = new Map<number, Set<number>>();
  const v6 = new Map<number, Set<string>>();
  for (const { address, prefix } of networks) {
    if (address.length === 4) add(v4, prefix, toUint32(address));
    else add(v6, prefix, address);
  }
  const groups4 = [...v4].map(([prefix, members]) => group4(prefix, members));
  const groups6 = [...v6];
  return (address) => {
    if (address.length === 4) {
      const value = toUint32(address);
      for (const group of groups4) if (group(value)) return true;
      return false;
    }
    if (address.length !== 16) return false;
    for (const [prefix, members] of groups6) if (members.has(mask(address, prefix))) return true;
    return false;
  };
}

function group4(prefix: number, members: ReadonlySet<number>): (value: number) => boolean {
  const bits = prefix === 0 ? 0 : (0xffff_ffff << (32 - prefix)) >>> 0;
  if (members.size > 1) return (value) => members.has((value & bits) >>> 0);
  const [only] = members;
  return (value) => (value & bits) >>> 0 === only;
}

function add<T>(groups: Map<number, Set<T>>, prefix: number, member: T): void {
  const group = groups.get(prefix);
  if (group === undefined) groups.set(prefix, new Set([member]));
  else group.add(member);
}

function toUint32(address: string): number {
  return (
    ((address.charCodeAt(0) << 24) |
      (address.charCodeAt(1) << 16) |
      (address.charCodeAt(2) << 8) |
      address.charCodeAt(3)) >>>
    0
  );
}

/** The usual text of an address: dotted quad, or RFC 5952. */
export function formatAddress(address: string): string {
  const bytes = Array.from(address, (c) => c.charCodeAt(0));
  if (bytes.length !== 4 && bytes.length !== 16) return '';
  return ipaddr.fromByteArray(bytes).toString();
}
