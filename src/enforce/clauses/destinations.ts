import { type Network, parseNetworkOrAddress } from '../../engine/core/address.ts';
import type { Check } from './condition.ts';
import { type Intervals, ipv4Network, normalise } from './sets.ts';
import type { Pattern, Term } from './term.ts';

/** The addresses and networks of a check, by family, as the kernel compares them. */
export interface Destinations {
  readonly v4: Intervals;
  /** Patterns over the 16 bytes of an address. */
  readonly v6: readonly Pattern[];
}

/** What a check compares an address with; undefined where a value is neither an address nor a network. */
export function destinations(check: Check): Destinations | undefined {
  const parsed = check.values.map((value) => parseNetworkOrAddress(String(value)));
  const networks = parsed.filter((network) => network !== undefined);
  if (networks.length < parsed.length) return undefined;
  const ofWidth = (bytes: number): Network[] => networks.filter(({ address }) => address.length === bytes);
  return {
    v4: normalise(ofWidth(4).flatMap(({ address, prefix }) => ipv4Network(address, prefix))),
    v6: ofWidth(16).flatMap(ipv6Patterns),
  };
}

/** The destination is one of them. */
export function destinationTerms({ v4, v6 }: Destinations): Term[] {
  const terms: Term[] = [];
  if (v4.length > 0) terms.push({ on: 'number', dim: 'daddr4', set: { set: v4, absent: false } });
  if (v6.length > 0) terms.push({ on: 'string', dim: 'addr6', patterns: v6 });
  return terms;
}

/** A prefix that ends within a byte becomes one pattern for each value of that byte. */
function ipv6Patterns({ address, prefix }: Network): Pattern[] {
  const whole = prefix >> 3;
  const rest = prefix & 7;
  const head = address.slice(0, whole);
  if (rest === 0) return [{ at: 'prefix', text: head }];
  const first = address.charCodeAt(whole);
  return Array.from({ length: 1 << (8 - rest) }, (_, i) => ({
    at: 'prefix',
    text: head + String.fromCharCode(first + i),
  }));
}
