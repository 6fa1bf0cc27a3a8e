/** Values of operands: field getters and transformers as closures. */

import type { Operand, TransformOperand } from '../check/plan.ts';
import type { Value } from '../field-spec.ts';
import { asciiLower, asciiUpper } from '../lang/bytes.ts';

export type Getter<E> = (event: E) => Value | undefined;

/** A closure that computes an operand for an event. */
export function compileOperand<E>(operand: Operand<E>): Getter<E> {
  switch (operand.kind) {
    case 'field': {
      const { spec, arg } = operand.ref;
      return (event) => spec.get(event, arg);
    }
    case 'literal': {
      const { text } = operand;
      return () => text;
    }
    case 'transform':
      return compileTransform(operand);
  }
}

function compileTransform<E>(operand: TransformOperand<E>): Getter<E> {
  const args = operand.args.map(compileOperand);
  const first = args[0]!;
  switch (operand.name) {
    case 'tolower':
      return onText(first, asciiLower);
    case 'toupper':
      return onText(first, asciiUpper);
    case 'basename':
      return onText(first, (text) => text.slice(text.lastIndexOf('/') + 1));
    case 'b64':
      return onText(first, decodeBase64);
    case 'len':
      return (event) => {
        const value = first(event);
        return value === undefined ? undefined : (value as string | readonly unknown[]).length;
      };
    case 'concat':
      return (event) => joinValues(event, args, '');
    case 'join':
      return (event) => {
        const separator = first(event);
        return separator === undefined ? undefined : joinValues(event, args.slice(1), String(separator));
      };
    case 'getopt':
      return compileGetopt(operand.option, args);
  }
}

function onText<E>(inner: Getter<E>, apply: (text: string) => string | undefined): Getter<E> {
  return (event) => {
    const value = inner(event);
    return value === undefined ? undefined : apply(String(value));
  };
}

function joinValues<E>(event: E, args: readonly Getter<E>[], separator: string): string | undefined {
  const texts: string[] = [];
  for (const arg of args) {
    const value = arg(event);
    if (value === undefined) return undefined;
    if (Array.isArray(value)) texts.push(...value.map(String));
    else texts.push(String(value));
  }
  return texts.join(separator);
}

/** Strict base64 with optional padding; anything else is undefined. */
function decodeBase64(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const digits = text.replace(/=+$/, '');
  if (digits.length % 4 === 1 || (text.length !== digits.length && text.length % 4 !== 0)) return undefined;
  return Buffer.from(digits, 'base64').toString('latin1');
}

function compileGetopt<E>(option: string | undefined, args: readonly Getter<E>[]): Getter<E> {
  const [spec, ...rest] = args;
  return (event) => {
    const words: string[] = [];
    for (const arg of rest) {
      const value = arg(event);
      if (value === undefined) return undefined;
      if (Array.isArray(value)) words.push(...value.map(String));
      else words.push(String(value));
    }
    const found = scanOptions(words, String(spec?.(event)));
    if (option === undefined)
      return found.flatMap((entry) => (entry.value === undefined ? [entry.name] : [entry.name, entry.value]));
    const last = found.filter((entry) => entry.name === option).at(-1);
    return last === undefined ? undefined : (last.value ?? option);
  };
}

/** A getopt(3)-like scan: short options only, stops at `--` and at the first word that is no option. */
function scanOptions(words: readonly string[], spec: string): { name: string; value: string | undefined }[] {
  const found: { name: string; value: string | undefined }[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--' || !word.startsWith('-') || word === '-') break;
    if (word.startsWith('--')) continue;
    for (let j = 1; j < word.length; j++) {
      const name = word[j]!;
      const at = name === ':' ? -1 : spec.indexOf(name);
      if (at < 0) {
        found.push({ name: '?', value: undefined });
      } else if (spec[at + 1] === ':') {
        const attached = word.slice(j + 1);
        found.push({ name, value: attached !== '' ? attached : (words[++i] ?? '') });
        break;
      } else {
        found.push({ name, value: undefined });
      }
    }
  }
  return found;
}
