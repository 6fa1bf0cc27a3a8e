/**
 * Shell globs over byte strings, matched against the whole value in O(pattern × value) time without backtracking
 * beyond the last star. `*` and `?` also match `/` and a leading dot.
 */
import { asciiLower } from '../lang/bytes.ts';

type Step =
  | { readonly kind: 'star' }
  | { readonly kind: 'any' }
  | { readonly kind: 'char'; readonly code: number }
  | { readonly kind: 'set'; readonly bits: Uint8Array };

/** Compiles a glob; the result says whether a value matches it. */
export function compileGlob(pattern: string, ignoreCase = false): (value: string) => boolean {
  if (ignoreCase) {
    const inner = compileGlob(asciiLower(pattern));
    return (value) => inner(asciiLower(value));
  }
  const steps = parse(pattern);
  const simple = simpleMatcher(steps);
  if (simple !== undefined) return simple;
  const prefix = plainStart(steps);
  return (value) => value.startsWith(prefix) && run(steps, value);
}

/** Whether a pattern has no special character at all. */
export function isPlainGlob(pattern: string): boolean {
  return !/[*?[\\]/.test(pattern);
}

function parse(pattern: string): Step[] {
  const steps: Step[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const c = pattern[i]!;
    if (c === '*') {
      if (steps.at(-1)?.kind !== 'star') steps.push({ kind: 'star' });
    } else if (c === '?') {
      steps.push({ kind: 'any' });
    } else if (c === '[') {
      const set = parseSet(pattern, i + 1);
      if (set === undefined) {
        steps.push({ kind: 'char', code: 91 });
      } else {
        steps.push({ kind: 'set', bits: set.bits });
        i = set.end;
      }
    } else if (c === '\\' && i + 1 < pattern.length) {
      steps.push({ kind: 'char', code: pattern.charCodeAt(++i) });
    } else {
      steps.push({ kind: 'char', code: c.charCodeAt(0) });
    }
  }
  return steps;
}

const CLASSES: Readonly<Record<string, RegExp>> = {
  alpha: /[A-Za-z]/,
  digit: /[0-9]/,
  alnum: /[A-Za-z0-9]/,
  upper: /[A-Z]/,
  lower: /[a-z]/,
  space: /[ \t\n\v\f\r]/,
  blank: /[ \t]/,
  punct: /[!-/:-@[-`{-~]/,
  xdigit: /[0-9A-Fa-f]/,
  cntrl: /[\0-\x1f\x7f]/,
  print: /[ -~]/,
  graph: /[!-~]/,
};

/** A bracket expression; undefined if it is not closed, in which case the bracket stands for itself. */
function parseSet(pattern: string, start: number): { bits: Uint8Array; end: number } | undefined {
  const bits = new Uint8Array(256);
  let i = start;
  const negated = pattern[i] === '!' || pattern[i] === '^';
  if (negated) i++;
  for (let first = true; ; first = false) {
    if (i >= pattern.length) return undefined;
    if (pattern[i] === ']' && !first) break;
    const named = /^\[:([a-z]+):\]/.exec(pattern.slice(i, i + 12));
    const byteClass = named === null ? undefined : CLASSES[named[1]!];
    if (named !== null && byteClass !== undefined) {
      for (let code = 0; code < 256; code++) if (byteClass.test(String.fromCharCode(code))) bits[code] = 1;
      i += named[0].length;
      continue;
    }
    if (pattern[i] === '\\' && i + 1 < pattern.length) i++;
    const low = pattern.charCodeAt(i++);
    let high = low;
    if (pattern[i] === '-' && i + 1 < pattern.length && pattern[i + 1] !== ']') {
      i++;
      if (pattern[i] === '\\' && i + 1 < pattern.length) i++;
      high = pattern.charCodeAt(i++);
    }
    for (let code = low; code <= high; code++) bits[code] = 1;
  }
  if (negated) for (let code = 0; code < 256; code++) bits[code] = bits[code] === 1 ? 0 : 1;
  return { bits, end: i };
}

/** The common shapes `literal`, `literal*`, `*literal`, `*literal*` as plain string operations. */
/** The plain text that every match begins with. */
function plainStart(steps: readonly Step[]): string {
  let text = '';
  for (const step of steps) {
    if (step.kind !== 'char') break;
    text += String.fromCharCode(step.code);
  }
  return text;
}

function simpleMatcher(steps: readonly Step[]): ((value: string) => boolean) | undefined {
  const head = steps[0]?.kind === 'star';
  const tail = steps.length > (head ? 1 : 0) && steps.at(-1)?.kind === 'star';
  const middle = steps.slice(head ? 1 : 0, tail ? -1 : undefined);
  let text = '';
  for (const step of middle) {
    if (step.kind !== 'char') return undefined;
    text += String.fromCharCode(step.code);
  }
  if (head && tail) return (value) => value.includes(text);
  if (head) return (value) => value.endsWith(text);
  if (tail) return (value) => value.startsWith(text);
  return (value) => value === text;
}

function run(steps: readonly Step[], value: string): boolean {
  let at = 0;
  let step = 0;
  let star = -1;
  let starAt = 0;
  while (at < value.length) {
    const current = steps[step];
    if (current !== undefined && current.kind === 'star') {
      star = step++;
      starAt = at;
    } else if (current !== undefined && accepts(current, value.charCodeAt(at))) {
      step++;
      at++;
    } else if (star >= 0) {
      step = star + 1;
      at = ++starAt;
    } else {
      return false;
    }
  }
  while (steps[step]?.kind === 'star') step++;
  return step === steps.length;
}

function accepts(step: Step, code: number): boolean {
  if (step.kind === 'char') return step.code === code;
  if (step.kind === 'set') return step.bits[code] === 1;
  return true;
}
