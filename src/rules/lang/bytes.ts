/**
 * Byte strings: text as the engine holds it, one latin1 character per byte.
 * What a user writes is turned into this form once, when it is read.
 */

const NON_ASCII = /[^\0-\x7f]/;

/** The UTF-8 bytes of a text as a byte string. */
export function toBytes(text: string): string {
  return NON_ASCII.test(text) ? Buffer.from(text, 'utf8').toString('latin1') : text;
}

/** The text of a byte string; bytes that are not UTF-8 become U+FFFD. */
export function fromBytes(bytes: string): string {
  return NON_ASCII.test(bytes) ? Buffer.from(bytes, 'latin1').toString('utf8') : bytes;
}

/** Lower-cases ASCII letters and leaves every other byte alone. */
export function asciiLower(bytes: string): string {
  const lower = bytes.toLowerCase();
  return NON_ASCII.test(bytes) ? bytes.replace(/[A-Z]+/g, (run) => run.toLowerCase()) : lower;
}

/** Upper-cases ASCII letters and leaves every other byte alone. */
export function asciiUpper(bytes: string): string {
  return bytes.replace(/[a-z]+/g, (run) => run.toUpperCase());
}
