/** What a terminal, a log viewer or a line-based parser could act on; all of it may come from an attacker. */
const UNSAFE =
  /[\u0000-\u001f"\\\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]/;
const UNSAFE_EACH =
  /[\u0000-\u001f"\\\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;

const SHORT: Readonly<Record<string, string>> = {
  '\b': '\\b',
  '\t': '\\t',
  '\n': '\\n',
  '\f': '\\f',
  '\r': '\\r',
  '"': '\\"',
  '\\': '\\\\',
};

function escapeChar(char: string): string {
  const short = SHORT[char];
  if (short !== undefined) return short;
  const code = char.charCodeAt(0);
  // A lone surrogate has no UTF-8 form: it becomes the replacement character, as invalid bytes do.
  if (code >= 0xd800 && code <= 0xdfff) return '\ufffd';
  return `\\u${code.toString(16).padStart(4, '0')}`;
}

/**
 * Escapes as in the body of a JSON string, and beyond JSON also DEL, the C1 controls (a terminal takes U+009B as the
 * start of an escape sequence), line separators and the marks that turn the direction of text.
 */
export function escapeText(text: string): string {
  return UNSAFE.test(text) ? text.replace(UNSAFE_EACH, escapeChar) : text;
}

/** For the eye only: as escapeText, but quotes and backslashes stay as they are. */
export function escapeForTerminal(text: string): string {
  if (!UNSAFE.test(text)) return text;
  return text.replace(UNSAFE_EACH, (char) => (char === '"' || char === '\\' ? char : escapeChar(char)));
}

/** The same of several lines, which stay apart. */
export function escapeLines(text: string): string {
  return UNSAFE.test(text) ? text.split('\n').map(escapeForTerminal).join('\n') : text;
}

/** A JSON string literal that is safe to show on a terminal; parses to the same text. */
export function jsonString(text: string): string {
  return `"${escapeText(text)}"`;
}
