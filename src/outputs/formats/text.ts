import { ACTIVE, escapeUnit } from '../../engine/core/terminal.ts';

/** What a terminal, a log viewer or a line-based parser could act on; all of it may come from an attacker. */
const UNSAFE = new RegExp(`[\\u0000-\\u001f"\\\\\\ud800-\\udfff${ACTIVE}]`);
const LONE_SURROGATE = '[\\ud800-\\udbff](?![\\udc00-\\udfff])|(?<![\\ud800-\\udbff])[\\udc00-\\udfff]';
const UNSAFE_EACH = new RegExp(`[\\u0000-\\u001f"\\\\${ACTIVE}]|${LONE_SURROGATE}`, 'g');

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
  return escapeUnit(char);
}

/** Escapes as in the body of a JSON string, and beyond JSON all that a terminal could act on. */
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
