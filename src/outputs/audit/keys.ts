import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';

/** Separates these signatures from any other use of the key. */
const HEAD_TAG = 'ringfence.audit.head.v1\0';

/** The position that an anchor vouches for. */
export interface Head {
  /** Random id of the whole chain, made with its first file. */
  readonly chain: string;
  readonly seq: number;
  /** Hex. */
  readonly hash: string;
}

export interface SigningKey {
  readonly id: string;
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo, base64. */
  readonly publicKey: string;
}

/** Reads an Ed25519 private key (PEM, as `openssl genpkey -algorithm ed25519` makes it) that nobody else can read. */
export function loadSigningKey(path: string): SigningKey {
  const refuse = (why: string, help: string): AppError =>
    new AppError('E_AUDIT_KEY', `audit key ${path}: ${why}`, { exitCode: EXIT.invalid, help });
  const make = `make one with: openssl genpkey -algorithm ed25519 -out ${path} && chmod 0600 ${path}`;
  let privateKey: KeyObject;
  try {
    if ((statSync(path).mode & 0o077) !== 0) throw refuse('others can read it', `chmod 0600 ${path}`);
    privateKey = createPrivateKey(readFileSync(path));
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw refuse(cause instanceof Error ? cause.message : String(cause), make);
  }
  if (privateKey.asymmetricKeyType !== 'ed25519') throw refuse('not an Ed25519 private key', make);
  const publicKey = createPublicKey(privateKey);
  return { id: keyId(publicKey), privateKey, publicKey: spki(publicKey).toString('base64') };
}

/** Reads a public key: PEM, or the base64 that stands in the rows. */
export function loadPublicKey(text: string): KeyObject {
  if (text.includes('-----BEGIN')) return createPublicKey(text);
  return createPublicKey({ key: Buffer.from(text, 'base64'), format: 'der', type: 'spki' });
}

/** The first 16 hex digits of SHA-256 over the public key's SubjectPublicKeyInfo. */
export function keyId(publicKey: KeyObject): string {
  return createHash('sha256').update(spki(publicKey)).digest('hex').slice(0, 16);
}

/** Ed25519 over the head, base64. */
export function signHead(key: SigningKey, head: Head): string {
  return sign(null, headText(head), key.privateKey).toString('base64');
}

/** Whether the signature is that key's over this head. */
export function headSigned(publicKey: KeyObject, head: Head, signature: string): boolean {
  return verify(null, headText(head), publicKey, Buffer.from(signature, 'base64'));
}

function headText(head: Head): Buffer {
  return Buffer.from(`${HEAD_TAG}${head.chain}\n${head.seq}\n${head.hash}`);
}

function spki(publicKey: KeyObject): Buffer {
  return publicKey.export({ format: 'der', type: 'spki' });
}
