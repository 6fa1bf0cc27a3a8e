import { mask, type Network } from '../../engine/core/address.ts';

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
