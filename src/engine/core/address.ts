/** IP addresses and networks as byte strings of 4 or 16 bytes in network order, and their texts. */
import { isIPv6 } from 'node:net';

export interface Network {
  /** Bits beyond the prefix are cleared. */
  readonly address: string;
  readonly prefix: number;
}

const MAPPED = '\0\0\0\0\0\0\0\0\0\0\xff\xff';
export const ANY_V4 = '\0\0\0\0';

/**
 * Parses an address; IPv4-mapped IPv6 becomes IPv4, as events carry it. A zone (`%eth0`) is none of it, nor is a number
 * with a leading zero: that is octal to some.
 */
export function parseAddress(text: string): string | undefined {
  if (!text.includes(':')) return dottedBytes(text);
  return isIPv6(text) && !text.includes('%') ? unmapped(groupedBytes(text)) : undefined;
}

/** Parses `address/prefix`. */
export function parseNetwork(text: string): Network | undefined {
  const [, base = '', digits] = /^([^/]+)\/([0-9]{1,3})$/.exec(text) ?? [];
  const address = parseAddress(base);
  if (address === undefined) return undefined;
  const prefix = Number(digits) - (address.length === 4 && base.includes(':') ? 96 : 0);
  if (prefix < 0 || prefix > address.length * 8) return undefined;
  return { address: mask(address, prefix), prefix };
}

/** Parses a network, or an address as the network that holds nothing else. */
export function parseNetworkOrAddress(text: string): Network | undefined {
  const address = parseAddress(text);
  return address === undefined ? parseNetwork(text) : { address, prefix: address.length * 8 };
}

/** Read by character: feeds list a hundred thousand of them. */
function dottedBytes(text: string): string | undefined {
  const bytes = [0, 0, 0, 0];
  let part = 0;
  let digits = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x2e) {
      if (digits === 0 || ++part > 3) return undefined;
      digits = 0;
    } else {
      const before = bytes[part] as number;
      if (c < 0x30 || c > 0x39 || (digits > 0 && before === 0)) return undefined;
      bytes[part] = before * 10 + c - 0x30;
      if ((bytes[part] as number) > 255) return undefined;
      digits++;
    }
  }
  return part === 3 && digits > 0 ? String.fromCharCode(...bytes) : undefined;
}

/** The bytes of what is known to be an IPv6 address. */
function groupedBytes(text: string): string {
  const [head = '', tail] = text.split('::').map(bytesOfGroups);
  return tail === undefined ? head : head + '\0'.repeat(16 - head.length - tail.length) + tail;
}

function bytesOfGroups(text: string): string {
  const groups = text === '' ? [] : text.split(':');
  return groups.map((group) => dottedBytes(group) ?? bytesOfGroup(Number.parseInt(group, 16))).join('');
}

function bytesOfGroup(value: number): string {
  return String.fromCharCode(value >> 8, value & 0xff);
}

/** An IPv4 address inside IPv6 becomes the IPv4 address. */
export function unmapped(address: string): string {
  return address.length === 16 && address.startsWith(MAPPED) ? address.slice(12) : address;
}

/** The address with all bits beyond the prefix cleared. */
export function mask(address: string, prefix: number): string {
  const whole = prefix >> 3;
  const rest = prefix & 7;
  let out = address.slice(0, whole);
  if (rest > 0) out += String.fromCharCode(address.charCodeAt(whole) & (0xff00 >> rest) & 0xff);
  return out + '\0'.repeat(address.length - out.length);
}

/** `0.0.0.0` or `::`. */
export function isUnspecified(address: string): boolean {
  for (let i = 0; i < address.length; i++) if (address.charCodeAt(i) !== 0) return false;
  return true;
}

/** The text of an address: dotted IPv4, or IPv6 as RFC 5952 writes it. */
export function formatAddress(address: string): string {
  return address.length === 4 ? dottedText(address, 0) : groupedText(address);
}

function dottedText(bytes: string, at: number): string {
  return `${bytes.charCodeAt(at)}.${bytes.charCodeAt(at + 1)}.${bytes.charCodeAt(at + 2)}.${bytes.charCodeAt(at + 3)}`;
}

function groupedText(address: string): string {
  if (address.startsWith(MAPPED)) return `::ffff:${dottedText(address, 12)}`;
  const groups = Array.from(
    { length: 8 },
    (_, i) => (address.charCodeAt(2 * i) << 8) | address.charCodeAt(2 * i + 1),
  );
  const zeros = longestZeros(groups);
  if (zeros.length < 2) return hex(groups);
  const head = hex(groups.slice(0, zeros.at));
  const tail = hex(groups.slice(zeros.at + zeros.length));
  return `${head}::${tail}`;
}

function hex(groups: readonly number[]): string {
  return groups.map((group) => group.toString(16)).join(':');
}

function longestZeros(groups: readonly number[]): { at: number; length: number } {
  let best = { at: 0, length: 0 };
  let at = 0;
  groups.forEach((group, i) => {
    if (group !== 0) at = i + 1;
    else if (i + 1 - at > best.length) best = { at, length: i + 1 - at };
  });
  return best;
}
