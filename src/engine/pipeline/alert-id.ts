import { hash } from 'node:crypto';

/** What makes an event this event and no other, on one host. */
export interface EventIdentity {
  readonly ring: number;
  readonly seq: number;
  readonly ts: number;
  readonly tid: number;
}

/**
 * The id of an alert: the same event and rule always get the same, so that a receiver can drop what it has already.
 */
export function alertId(host: string, boot: string, event: EventIdentity, rule: string): string {
  return digestId(host, boot, event.ring, event.seq, event.ts, event.tid, rule);
}

/** A UUID of version 8 (RFC 9562), made of a SHA-256 over parts in order. */
export function digestId(...parts: readonly (string | number)[]): string {
  const digest = hash('sha256', parts.join('\0'), 'hex');
  const variant = ((Number.parseInt(digest[16]!, 16) & 3) | 8).toString(16);
  return [
    digest.slice(0, 8),
    digest.slice(8, 12),
    `8${digest.slice(13, 16)}`,
    `${variant}${digest.slice(17, 20)}`,
    digest.slice(20, 32),
  ].join('-');
}
