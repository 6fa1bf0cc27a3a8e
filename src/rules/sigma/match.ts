/** One Sigma field with its modifiers and values as a condition. */
import type { SigmaValue } from './document.ts';
import { SIGMA_FIELDS } from './fields.ts';

/** Something that cannot be said here, by name. */
export class Unsupported extends Error {}

const SUPPORTED = new Set(['contains', 'startswith', 'endswith', 're', 'cidr', 'all', 'cased']);

/** Throws Unsupported. */
export function matchField(key: string, values: readonly SigmaValue[]): string {
  const [name = '', ...modifiers] = key.split('|');
  const unknown = modifiers.find((modifier) => !SUPPORTED.has(modifier));
  if (unknown) throw new Unsupported(`the modifier "${unknown}" of ${name}`);
  if (name === 'Initiated') return initiated(values);
  const known = SIGMA_FIELDS[name];
  if (known === undefined) throw new Unsupported(`the field ${name}`);
  if ('why' in known) throw new Unsupported(`the field ${name}: ${known.why}`);
  const parts = values.map((value) => matchValue(known, value, new Set(modifiers)));
  return join(parts, modifiers.includes('all') ? 'and' : 'or');
}

export function join(parts: readonly string[], word: 'and' | 'or'): string {
  return parts.length === 1 ? parts[0]! : `(${parts.join(` ${word} `)})`;
}

/** The source's events are connections that were opened here. */
function initiated(values: readonly SigmaValue[]): string {
  if (values.every((value) => String(value) === 'true')) return 'evt.type = connect';
  throw new Unsupported('Initiated: false (connections that come in)');
}

function matchValue(
  { field, kind }: { readonly field: string; readonly kind: 'text' | 'number' | 'ip' },
  value: SigmaValue,
  modifiers: ReadonlySet<string>,
): string {
  if (value === null) return `not ${field} exists`;
  if (modifiers.has('cidr')) return `${kind === 'ip' ? 'fd.snet' : field} in (${quote(String(value))})`;
  if (kind === 'ip' || kind === 'number') {
    if (modifiers.size > (modifiers.has('all') ? 1 : 0)) throw new Unsupported(`text modifiers on ${field}`);
    return `${field} = ${kind === 'ip' ? quote(String(value)) : String(value)}`;
  }
  const text = String(value);
  if (modifiers.has('re')) return `${field} regex ${quote(`(?s).*(?:${text}).*`)}`;
  return matchText(field, text, modifiers);
}

/** Text is compared without regard to case, unless `cased`; * and ? are wildcards, unless escaped. */
function matchText(field: string, text: string, modifiers: ReadonlySet<string>): string {
  const pieces = pattern(text);
  const before = modifiers.has('contains') || modifiers.has('endswith') ? '*' : '';
  const after = modifiers.has('contains') || modifiers.has('startswith') ? '*' : '';
  const cased = modifiers.has('cased');
  if (pieces.wild) return `${field} ${cased ? 'glob' : 'iglob'} ${quote(before + pieces.glob + after)}`;
  const literal = quote(cased ? pieces.literal : asciiLower(pieces.literal));
  const subject = cased ? field : `tolower(${field})`;
  if (before && after) return `${field} ${cased ? 'contains' : 'icontains'} ${literal}`;
  if (before) return `${subject} endswith ${literal}`;
  if (after) return `${subject} startswith ${literal}`;
  return `${subject} = ${literal}`;
}

/** A Sigma text as a plain text and as a glob. */
function pattern(text: string): { literal: string; glob: string; wild: boolean } {
  let [literal, glob, wild] = ['', '', false];
  for (let i = 0; i < text.length; i++) {
    let c = text[i]!;
    if (c === '\\' && /[*?\\]/.test(text[i + 1] ?? '')) c = text[++i]!;
    else if (c === '*' || c === '?') {
      wild = true;
      glob += c;
      continue;
    }
    literal += c;
    glob += /[*?[\]\\]/.test(c) ? `\\${c}` : c;
  }
  return { literal, glob, wild };
}

/** A quoted value. A text that ends in a backslash cannot be written in the condition language. */
function quote(text: string): string {
  if (text.endsWith('\\')) throw new Unsupported(`a text that ends in a backslash: ${text}`);
  return `"${text.replace(/\\/g, '\\\\').replace(/"/g, '\\"').replace(/\n/g, '\\n').replace(/\t/g, '\\t').replace(/\r/g, '\\r')}"`;
}

function asciiLower(text: string): string {
  return text.replace(/[A-Z]+/g, (run) => run.toLowerCase());
}
