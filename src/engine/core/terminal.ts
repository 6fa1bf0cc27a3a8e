/** Whether to colour: FORCE_COLOR wins, then NO_COLOR and TERM=dumb, then whether it goes to a terminal. */
export function hasColour(
  { isTTY }: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>> = process.env,
): boolean {
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0' && env.FORCE_COLOR !== 'false';
  if (env.NO_COLOR || env.TERM === 'dumb') return false;
  return isTTY === true;
}

/**
 * What a terminal could act on beyond the controls of ASCII, for a character class: DEL and the C1 controls (a terminal
 * takes U+009B as the start of an escape sequence), line separators and the marks that turn the direction of text.
 */
export const ACTIVE = '\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069\\ufeff';

/** The escape of JSON. */
export const escapeUnit = (char: string): string => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`;

const EACH = new RegExp(`[${ACTIVE}]`, 'g');

/** JSON that is safe to show on a terminal: there these stand only within strings, where the escape means the same. */
export const escapeActive = (json: string): string => json.replace(EACH, escapeUnit);
