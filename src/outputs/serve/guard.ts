import { createHash, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';

/**
 * Whether a request may come in under this Host header. A web page that has turned its own name to our address (DNS
 * rebinding) shows that name; so addresses pass, names only if they are known.
 */
export function hostAllowed(header: string | undefined, allowed: readonly string[]): boolean {
  if (!header) return false;
  const host = /^(?:\[(?<v6>[^\]]+)\]|(?<name>[^:]+))(?::\d+)?$/.exec(header)?.groups;
  const name = (host?.v6 ?? host?.name ?? '').toLowerCase();
  if (isIP(name) !== 0 || name === 'localhost') return true;
  return allowed.some((one) => one.toLowerCase() === name);
}

/** Whether the Authorization header carries the token; the comparison takes the same time for every wrong one. */
export function tokenHolds(header: string | undefined, token: string): boolean {
  const given = header?.startsWith('Bearer ') ? header.slice(7) : '';
  const hash = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(hash(given), hash(token));
}
