import { nkeys } from 'nats';

/** Checks an nkey signature; false also for a key that is none. */
export function verifyNkey(publicKey: string, data: Uint8Array, signature: Uint8Array): boolean {
  try {
    return nkeys.fromPublic(publicKey).verify(data, signature);
  } catch {
    return false;
  }
}

/** Signs with an nkey seed; gives the public key and the signature. */
export function signNkey(seed: string, data: Uint8Array): { publicKey: string; signature: Uint8Array } {
  const pair = nkeys.fromSeed(Buffer.from(seed.trim()));
  return { publicKey: pair.getPublicKey(), signature: pair.sign(data) };
}
