/** User regular expressions: linear time (RE2), whole value, bounded subject, with a cheap test in front. */
import { createRequire } from 'node:module';
import type { RE2JS } from 're2js';
import { fromBytes } from '../lang/bytes.ts';

/** Only this many bytes of a value are matched. */
export const MAX_SUBJECT = 8192;

export type CompiledRegex =
  | { readonly ok: true; readonly matches: (value: string) => boolean }
  | { readonly ok: false; readonly error: string };

type Engine = { readonly RE2JS: typeof RE2JS };

/** Loaded with the first expression: it is large, and few rules have one. */
const engine = (): typeof RE2JS => (createRequire(import.meta.url)('re2js') as Engine).RE2JS;

/** Compiles an expression given as a byte string. */
export function compileRegex(pattern: string): CompiledRegex {
  const text = fromBytes(pattern);
  let compiled: RE2JS;
  try {
    const re2 = engine();
    compiled = re2.compile(text, re2.DOTALL);
  } catch (error) {
    return { ok: false, error: error instanceof Error ? error.message : String(error) };
  }
  const literal = requiredLiteral(pattern);
  return {
    ok: true,
    matches: (value) => {
      if (literal !== '' && !value.includes(literal)) return false;
      const subject = value.length > MAX_SUBJECT ? value.slice(0, MAX_SUBJECT) : value;
      return compiled.testExact(fromBytes(subject));
    },
  };
}

/** The last character of a byte string, all its bytes in UTF-8. */
const LAST_CHARACTER = /(?:[\xc0-\xff][\x80-\xbf]+|.)$/s;

/**
 * The longest text that every match must contain, or '' if none is certain. Looks only at plain characters on the
 * top level: a group, a class, an alternative or a flag ends the run, a quantifier takes its last character back.
 */
export function requiredLiteral(pattern: string): string {
  if (/\||\(\?|\\|\[:/.test(pattern)) return '';
  let best = '';
  let run = '';
  let depth = 0;
  const end = (): void => {
    if (run.length > best.length) best = run;
    run = '';
  };
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '[') {
      end();
      const close = pattern.indexOf(']', i + (pattern[i + 1] === '^' ? 3 : 2));
      if (close < 0) return '';
      i = close;
    } else if (c === '(' || c === ')') {
      end();
      depth += c === '(' ? 1 : -1;
    } else if (c === '*' || c === '?' || c === '{') {
      run = run.replace(LAST_CHARACTER, '');
      end();
      if (c === '{') i = Math.max(i, pattern.indexOf('}', i));
    } else if (c === '+' || c === '.' || c === '^' || c === '$') {
      end();
    } else if (depth === 0) {
      run += c;
    }
  }
  end();
  return best;
}
