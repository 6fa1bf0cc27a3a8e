/** Parts of an image reference: `registry/repository:tag@digest`. */
export interface ImageName {
  readonly repository: string;
  readonly tag: string;
  readonly digest: string;
}

/** Takes an image reference apart; a bare digest or id has no repository. */
export function parseImageName(reference: string): ImageName {
  const at = reference.indexOf('@');
  const digest = at < 0 ? '' : reference.slice(at + 1);
  const plain = at < 0 ? reference : reference.slice(0, at);
  if (/^sha256:[0-9a-f]{64}$/.test(plain)) return { repository: '', tag: '', digest: plain };
  const colon = plain.lastIndexOf(':');
  if (colon < 0 || colon < plain.lastIndexOf('/')) return { repository: plain, tag: '', digest };
  return { repository: plain.slice(0, colon), tag: plain.slice(colon + 1), digest };
}

/** Text of an API's answer as the byte string that the engine keeps. */
export function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
