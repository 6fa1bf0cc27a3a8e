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

/**
 * What an image is called: as given, in the form in which the store has it (`nginx` for `docker.io/library/nginx`). An id
 * or a digest stands for the first name. `names` are those of the store, the ones with digests first.
 */
export function nameInStore(given: string, names: readonly string[]): ImageName {
  const own = parseImageName(given);
  const known = names.map(parseImageName);
  const { repository } =
    known.find((name) => name.repository === own.repository) ??
    known.find((name) => own.repository.endsWith(`/${name.repository}`)) ??
    known[0] ??
    own;
  const same = known.filter((name) => name.repository === repository);
  const tags = same.map((name) => name.tag).filter((tag) => tag !== '');
  const wanted = own.tag || 'latest';
  const pulled = [...same, ...known].find((name) => name.digest !== '');
  return {
    repository,
    tag: tags.includes(wanted) ? wanted : (tags[0] ?? own.tag),
    // Alone it is the image's id.
    digest: (own.repository === '' ? '' : own.digest) || (pulled?.digest ?? ''),
  };
}

/** Text of an API's answer as the byte string that the engine keeps. */
export function bytes(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}
