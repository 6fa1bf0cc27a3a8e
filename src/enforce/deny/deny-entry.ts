import path from 'node:path';
import { formatAddress, type Network, parseNetworkOrAddress } from '../../engine/core/address.ts';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';

export type DenyProtocol = 'tcp' | 'udp' | 'icmp';
export const PROTOCOL_NUMBERS: Readonly<Record<DenyProtocol, number>> = { tcp: 6, udp: 17, icmp: 1 };

/** For whom an entry holds; absent = for everybody. */
export type DenyScope =
  | { readonly kind: 'user'; readonly uid: number }
  | { readonly kind: 'cgroup'; readonly path: string };

/** What is refused. */
export type DenyTarget =
  | (Network & {
      readonly kind: 'network';
      readonly port?: number | undefined;
      readonly protocol?: DenyProtocol | undefined;
    })
  | { readonly kind: 'path' | 'exe'; readonly path: string };

/** One entry of the deny list. Times are milliseconds since the epoch. */
export interface DenyEntry {
  readonly id: number;
  readonly target: DenyTarget;
  readonly scope?: DenyScope | undefined;
  readonly reason: string;
  /** Who put it there: `cli`, `rule NAME`, `feed FILE`. */
  readonly source: string;
  readonly created: number;
  readonly expires?: number | undefined;
}

/** What a user wrote. */
export interface DenyRequest {
  /** `203.0.113.0/24`, `2001:db8::1`, `/path`, `exe:/path`. */
  readonly target: string;
  readonly port?: number | undefined;
  readonly protocol?: string | undefined;
  /** `user=1000`, `cgroup=/sys/fs/cgroup/x`. */
  readonly scope?: string | undefined;
  readonly reason?: string | undefined;
  readonly source?: string | undefined;
  /** Milliseconds. */
  readonly ttl?: number | undefined;
}

/** Reads a target; throws an AppError that says what is wrong with it. */
export function parseTarget(request: DenyRequest): DenyTarget {
  const { target, port, protocol } = request;
  if (port !== undefined && !(Number.isInteger(port) && port >= 1 && port <= 65535)) {
    throw invalid(`${port} is not a port`, 'a number from 1 to 65535');
  }
  if (protocol !== undefined && !Object.hasOwn(PROTOCOL_NUMBERS, protocol)) {
    throw invalid(`${protocol} is not a known protocol`, Object.keys(PROTOCOL_NUMBERS).join(', '));
  }
  const path = target.startsWith('exe:') ? target.slice(4) : target;
  if (path.startsWith('/')) {
    if (port !== undefined || protocol !== undefined) throw invalid('a path has no port and no protocol');
    return { kind: path === target ? 'path' : 'exe', path };
  }
  const network = parseNetworkOrAddress(target);
  if (network === undefined) throw notATarget(target);
  const { address, prefix } = network;
  return { kind: 'network', address, prefix, port, protocol: protocol as DenyProtocol | undefined };
}

function notATarget(target: string): AppError {
  const decimal = target.replace(/(?<![^.:])0+(?=[0-9])/g, '');
  if (decimal !== target && parseNetworkOrAddress(decimal) !== undefined) {
    return invalid(
      `"${target}" has a number with a leading zero, which is octal to some`,
      `${decimal}, if it is decimal`,
    );
  }
  return invalid(
    `"${target}" is neither an address, a network nor a path`,
    '203.0.113.0/24, 2001:db8::1, /path, exe:/path',
  );
}

/** Reads a scope; undefined = everybody. */
export function parseScope(text: string | undefined): DenyScope | undefined {
  if (text === undefined || text === '') return undefined;
  const [kind, value = ''] = text.split(/=(.*)/s);
  if (kind === 'user' && /^\d+$/.test(value)) return { kind, uid: Number(value) };
  if (kind === 'cgroup' && value.startsWith('/')) return cgroupScope(value);
  throw invalid(`"${text}" is not a scope`, 'user=1000, cgroup=/sys/fs/cgroup/my.slice');
}

/** `/a` and `/a/` are one cgroup, for which the kernel has one number. */
export const cgroupScope = (name: string): DenyScope => ({ kind: 'cgroup', path: path.resolve(name) });

/** Two requests with the same key are one entry. */
export function entryKey(target: DenyTarget, scope: DenyScope | undefined): string {
  const where = scope === undefined ? '' : scope.kind === 'user' ? `u${scope.uid}` : `c${scope.path}`;
  if (target.kind !== 'network') return `${target.kind} ${target.path} ${where}`;
  return `network ${target.address}/${target.prefix} ${target.port ?? ''} ${target.protocol ?? ''} ${where}`;
}

/** As the user would write it. */
export function targetText(target: DenyTarget): string {
  if (target.kind !== 'network') return target.kind === 'path' ? target.path : `exe:${target.path}`;
  const { address, prefix } = target;
  const text = formatAddress(address);
  return prefix === address.length * 8 ? text : `${text}/${prefix}`;
}

export function scopeText(scope: DenyScope | undefined): string {
  if (scope === undefined) return '';
  return scope.kind === 'user' ? `user=${scope.uid}` : `cgroup=${scope.path}`;
}

function invalid(message: string, help?: string): AppError {
  return new AppError('E_DENY', message, { exitCode: EXIT.invalid, ...(help === undefined ? {} : { help }) });
}
