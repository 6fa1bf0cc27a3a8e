/**
 * Sets of 32-bit numbers as sorted, disjoint, inclusive intervals: ports, ids and IPv4 addresses.
 * Closed under every Boolean operation, so any mixture of comparisons on one number stays one set.
 */
export type Intervals = readonly (readonly [from: number, to: number])[];

export const U32_MAX = 0xffff_ffff;
export const EVERYTHING: Intervals = [[0, U32_MAX]];
export const NOTHING: Intervals = [];

/** Sorts, clips to 32 bits and joins what touches. */
export function normalise(pieces: Intervals): Intervals {
  const sorted = pieces
    .map(([from, to]) => [Math.max(0, from), Math.min(U32_MAX, to)] as [number, number])
    .filter(([from, to]) => from <= to)
    .sort((a, b) => a[0] - b[0]);
  const out: [number, number][] = [];
  for (const [from, to] of sorted) {
    const last = out.at(-1);
    if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to);
    else out.push([from, to]);
  }
  return out;
}

export function union(a: Intervals, b: Intervals): Intervals {
  return normalise([...a, ...b]);
}

export function complement(set: Intervals): Intervals {
  const out: [number, number][] = [];
  let next = 0;
  for (const [from, to] of set) {
    if (from > next) out.push([next, from - 1]);
    next = to + 1;
  }
  if (next <= U32_MAX) out.push([next, U32_MAX]);
  return out;
}

export function intersection(a: Intervals, b: Intervals): Intervals {
  return complement(union(complement(a), complement(b)));
}

export function contains(set: Intervals, value: number): boolean {
  return set.some(([from, to]) => from <= value && value <= to);
}

/** The interval of an IPv4 network; `bytes` is the address in network order as a byte string. */
export function ipv4Network(bytes: string, prefix: number): Intervals {
  let address = 0;
  for (let i = 0; i < 4; i++) address = address * 256 + bytes.charCodeAt(i);
  const size = 2 ** (32 - prefix);
  const from = Math.floor(address / size) * size;
  return [[from, from + size - 1]];
}

/** A set of values of a number that may be absent (a port of something that has none). */
export interface NumberSet {
  readonly set: Intervals;
  readonly absent: boolean;
}

export const ANY_NUMBER: NumberSet = { set: EVERYTHING, absent: true };

export function invert(a: NumberSet): NumberSet {
  return { set: complement(a.set), absent: !a.absent };
}

export function either(a: NumberSet, b: NumberSet): NumberSet {
  return { set: union(a.set, b.set), absent: a.absent || b.absent };
}

export function both(a: NumberSet, b: NumberSet): NumberSet {
  return { set: intersection(a.set, b.set), absent: a.absent && b.absent };
}

export function isEmpty(a: NumberSet): boolean {
  return a.set.length === 0 && !a.absent;
}

/** Membership; undefined is the absent value. */
export function hasNumber(a: NumberSet, value: number | undefined): boolean {
  return value === undefined ? a.absent : contains(a.set, value);
}
