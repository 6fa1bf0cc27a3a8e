/** Values of operands: field getters as closures, transformers as functions of their arguments' values. */
import type { Operand, TransformOperand } from '../check/plan.ts';
import type { Value } from '../field-spec.ts';
import { asciiLower, asciiUpper } from '../lang/bytes.ts';

export type Getter<E> = (event: E) => Value | undefined;
/** A transformer applied to the values of its arguments; undefined if one that it needs is missing. */
export type Transform = (values: readonly (Value | undefined)[]) => Value | undefined;

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
    case 'transform': {
      const args = operand.args.map(compileOperand);
      const apply = compileTransform(operand);
      return (event) => apply(args.map((arg) => arg(event)));
    }
  }
}

/** The function of a transformer. */
export function compileTransform<E>(operand: TransformOperand<E>): Transform {
  switch (operand.name) {
    case 'tolower':
      return onText(asciiLower);
    case 'toupper':
      return onText(asciiUpper);
    case 'basename':
      return onText((text) => text.slice(text.lastIndexOf('/') + 1));
    case 'b64':
      return onText(decodeBase64);
    case 'len':
      return ([value]) => (value === undefined ? undefined : (value as string | readonly unknown[]).length);
    case 'concat':
      return (values) => textsOf(values)?.join('');
    case 'join':
      return ([separator, ...values]) =>
        separator === undefined ? undefined : textsOf(values)?.join(String(separator));
    case 'getopt': {
      const { option } = operand;
      return ([spec, ...values]) => {
        const words = textsOf(values);
        return words === undefined ? undefined : pickOptions(scanOptions(words, String(spec)), option);
      };
    }
  }
}

function onText(apply: (text: string) => string | undefined): Transform {
  return ([value]) => (value === undefined ? undefined : apply(String(value)));
}

/** All values as texts, lists flattened; undefined if one is missing. */
function textsOf(values: readonly (Value | undefined)[]): string[] | undefined {
  const texts: string[] = [];
  for (const value of values) {
    if (value === undefined) return undefined;
    if (Array.isArray(value)) texts.push(...value.map(String));
    else texts.push(String(value));
  }
  return texts;
}

/** Strict base64 with optional padding; anything else is undefined. */
function decodeBase64(text: string): string | undefined {
  if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text)) return undefined;
  const digits = text.replace(/=+$/, '');
  if (digits.length % 4 === 1 || (text.length !== digits.length && text.length % 4 !== 0)) return undefined;
  return Buffer.from(digits, 'base64').toString('latin1');
}

interface Option {
  readonly name: string;
  /** '' if the option needs one and there is none. */
  readonly value: string | undefined;
  readonly incomplete: boolean;
}

/** All options and values in order, or the value of one option, its last occurrence. */
function pickOptions(found: readonly Option[], option: string | undefined): Value | undefined {
  if (option === undefined) {
    return found.flatMap(({ name, value, incomplete }) => {
      if (incomplete) return [''];
      return value === undefined ? [name] : [name, value];
    });
  }
  const last = found.filter((entry) => entry.name === option).at(-1);
  return last === undefined ? undefined : (last.value ?? option);
}

/** A getopt(3)-like scan: short options only, stops at `--` and at the first word that is no option. */
function scanOptions(words: readonly string[], spec: string): Option[] {
  const found: Option[] = [];
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    if (word === '--' || !word.startsWith('-') || word === '-') break;
    if (word.startsWith('--')) continue;
    for (let j = 1; j < word.length; j++) {
      const name = word[j]!;
      const at = name === ':' ? -1 : spec.indexOf(name);
      if (at < 0) {
        found.push({ name: '?', value: undefined, incomplete: false });
      } else if (spec[at + 1] === ':') {
        const attached = word.slice(j + 1);
        const value = attached !== '' ? attached : words[++i];
        found.push({ name, value: value ?? '', incomplete: value === undefined });
        break;
      } else {
        found.push({ name, value: undefined, incomplete: false });
      }
    }
  }
  return found;
}
