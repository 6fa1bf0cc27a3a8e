import ipaddr from 'ipaddr.js';
import { type Intervals, ipv4Network } from './sets.ts';
import type { Pattern } from './term.ts';

export interface ParsedNetwork {
  /** Address in network order as a byte string: 4 or 16 bytes. IPv4-mapped addresses are IPv4. */
  readonly bytes: string;
  readonly prefix: number;
  readonly v4: Intervals | undefined;
  /** Patterns over the 16 bytes of an IPv6 address. */
  readonly v6: readonly Pattern[];
}

/** Reads `203.0.113.7`, `203.0.113.0/24`, `2001:db8::/32` or an address as 4 or 16 raw bytes. */
export function parseNetwork(value: string): ParsedNetwork | undefined {
  const slash = value.lastIndexOf('/');
  const text = slash < 0 ? value : value.slice(0, slash);
  const raw = /^[0-9a-fA-F:.]+$/.test(text) ? readAddress(text) : undefined;
  const bytes = raw ?? (value.length === 4 || value.length === 16 ? value : undefined);
  if (bytes === undefined) return undefined;
  const width = bytes.length * 8;
  const digits = slash < 0 || raw === undefined ? String(width) : value.slice(slash + 1);
  if (!/^\d{1,3}$/.test(digits)) return undefined;
  const prefix = Number(digits) - (text.includes(':') && bytes.length === 4 && slash >= 0 ? 96 : 0);
  if (prefix < 0 || prefix > width) return undefined;
  if (bytes.length === 4) return { bytes, prefix, v4: ipv4Network(bytes, prefix), v6: [] };
  return { bytes, prefix, v4: undefined, v6: ipv6Patterns(bytes, prefix) };
}

/** An IPv4 address as four bytes; undefined for anything else, also where a leading zero could mean octal. */
export function dottedAddress(text: string): string | undefined {
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

function readAddress(text: string): string | undefined {
  const dotted = dottedAddress(text);
  if (dotted !== undefined) return dotted;
  if (!ipaddr.isValid(text) || (!text.includes(':') && text.split('.').length !== 4)) return undefined;
  return String.fromCharCode(...ipaddr.process(text).toByteArray());
}

/** A prefix that ends within a byte becomes one pattern for each value of that byte. */
function ipv6Patterns(bytes: string, prefix: number): Pattern[] {
  const whole = prefix >> 3;
  const rest = prefix & 7;
  const head = bytes.slice(0, whole);
  if (rest === 0) return [{ at: 'prefix', text: head }];
  const span = 1 << (8 - rest);
  const first = bytes.charCodeAt(whole) & ~(span - 1) & 0xff;
  return Array.from({ length: span }, (_, i) => ({
    at: 'prefix',
    text: head + String.fromCharCode(first + i),
  }));
}
