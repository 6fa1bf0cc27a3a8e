import { createHmac, timingSafeEqual } from 'node:crypto';
import { signNkey, verifyNkey } from './nkey.ts';

/** Header that carries the signature: `hmac-sha256 BASE64` or `nkey PUBLICKEY BASE64`. */
export const SIGNATURE_HEADER = 'Ringfence-Signature';

/** A command to one host or to all. */
export interface Command {
  readonly id: string;
  /** Host name, or `*`. */
  readonly host: string;
  readonly verb: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  /** What the verb needs; the receiver checks it. */
  readonly body: unknown;
}

/** What a receiver trusts. */
export interface Trust {
  readonly secret?: string | undefined;
  /** Public nkeys of those who may command. */
  readonly nkeys: readonly string[];
}

export type Verified = { readonly command: Command } | { readonly refused: string };

/** A message may be so much from the future before its clock is called wrong. */
const SKEW_MS = 60_000;

/** The signature covers the subject too: a command cannot be sent on to another host or under another verb. */
const signedBytes = (subject: string, payload: Uint8Array): Buffer =>
  Buffer.concat([Buffer.from(`${subject}\n`), payload]);

/** The payload of a command. */
export function encodeCommand(command: Command): Buffer {
  const { id, host, verb, issuedAt, expiresAt, body } = command;
  const issued_at = issuedAt.toISOString();
  return Buffer.from(
    JSON.stringify({ v: 1, id, host, verb, issued_at, expires_at: expiresAt.toISOString(), body }),
  );
}

/** The signature header for a payload, by a shared secret or an nkey seed. */
export function signCommand(
  subject: string,
  payload: Uint8Array,
  by: { readonly secret: string } | { readonly seed: string },
): string {
  const bytes = signedBytes(subject, payload);
  if ('secret' in by) return `hmac-sha256 ${hmac(by.secret, bytes).toString('base64')}`;
  const { publicKey, signature } = signNkey(by.seed, bytes);
  return `nkey ${publicKey} ${Buffer.from(signature).toString('base64')}`;
}

const hmac = (secret: string, bytes: Uint8Array): Buffer =>
  createHmac('sha256', secret).update(bytes).digest();

/** Checks signature, form and time. Nothing of the payload is looked at before the signature holds. */
export function verifyCommand(
  subject: string,
  payload: Uint8Array,
  header: string | undefined,
  trust: Trust,
  now: Date,
): Verified {
  if (header === undefined) return { refused: 'it is not signed' };
  if (!signatureHolds(header, signedBytes(subject, payload), trust)) {
    return { refused: 'its signature is not of anyone trusted here' };
  }
  const command = decodeCommand(Buffer.from(payload).toString('utf8'));
  if (!command) return { refused: 'it is no command of version 1' };
  if (command.issuedAt.getTime() > now.getTime() + SKEW_MS) return { refused: 'it is dated in the future' };
  if (command.expiresAt <= now) return { refused: 'it has expired' };
  return { command };
}

function signatureHolds(header: string, bytes: Buffer, trust: Trust): boolean {
  const [kind, first = '', second = ''] = header.split(' ');
  if (kind === 'hmac-sha256' && trust.secret) {
    const given = Buffer.from(first, 'base64');
    const expected = hmac(trust.secret, bytes);
    return given.length === expected.length && timingSafeEqual(given, expected);
  }
  if (kind === 'nkey' && trust.nkeys.includes(first)) {
    return verifyNkey(first, bytes, Buffer.from(second, 'base64'));
  }
  return false;
}

function decodeCommand(text: string): Command | undefined {
  let raw: Record<string, unknown>;
  try {
    raw = JSON.parse(text) as Record<string, unknown>;
  } catch {
    return undefined;
  }
  const { v, id, host, verb, issued_at, expires_at, body } = raw ?? {};
  const words = [id, host, verb, issued_at, expires_at];
  if (v !== 1 || !words.every((word) => typeof word === 'string' && word !== '')) return undefined;
  const issuedAt = new Date(String(issued_at));
  const expiresAt = new Date(String(expires_at));
  if (Number.isNaN(issuedAt.getTime()) || Number.isNaN(expiresAt.getTime())) return undefined;
  return { id: String(id), host: String(host), verb: String(verb), issuedAt, expiresAt, body };
}
