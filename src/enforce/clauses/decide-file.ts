import type { Check } from './condition.ts';
import {
  always,
  bitDecision,
  bits,
  type Purpose,
  resultDecision,
  stringDecision,
  unknown,
} from './decision.ts';
import type { OperationName } from './operations.ts';
import { BIT, type Decision, type Pattern, type StringDim } from './term.ts';

const EQUAL = new Set(['=', '==', 'in']);

/** Checks about the file that is opened (or executed, or named by a denied operation). */
export function decideFile(check: Check, operation: OperationName, purpose: Purpose): Decision | undefined {
  const name =
    check.field === 'evt.arg' || check.field === 'evt.rawarg' ? `${check.field}.${check.arg}` : check.field;
  if (operation !== 'open') return purpose === 'deny' ? named(check, operation) : undefined;
  switch (name) {
    case 'fd.num':
      return resultDecision(check, purpose);
    case 'fd.name':
      return check.op === 'exists' ? unknown('existence of a name') : stringDecision('path', check);
    case 'fd.nameraw':
      if (purpose === 'deny')
        return unknown('the name as passed can be changed by another thread', 'fd.name');
      return check.op === 'exists' ? unknown('existence of a name') : stringDecision('raw', check);
    case 'fd.directory':
      return directory(check, purpose);
    case 'fd.filename':
      return filename(check, purpose);
    case 'evt.is_open_read':
      return flag(check, (s) => (s & BIT.read) !== 0);
    case 'evt.is_open_write':
      // O_TRUNC empties a file that is opened for reading alone: to a denying rule that is writing.
      return flag(check, (s) => (s & (purpose === 'deny' ? BIT.write | BIT.truncate : BIT.write)) !== 0);
    case 'evt.is_open_create':
      return purpose === 'deny'
        ? unknown('whether the call makes the file is known after it', 'evt.arg.flags contains O_CREAT')
        : unknown('whether the call made the file');
    case 'evt.arg.flags':
      return flagText(check);
    case 'fd.typechar':
      return typechar(check, purpose);
    default:
      return undefined;
  }
}

/** Which path of an operation a field shows: the first argument of the call that is a path, or the second. */
const NAMED: Readonly<Partial<Record<OperationName, Readonly<Record<string, StringDim>>>>> = {
  unlink: { 'fs.path.name': 'path' },
  mkdir: { 'fs.path.name': 'path' },
  symlink: { 'fs.path.source': 'path' },
  rename: { 'fs.path.source': 'path', 'fs.path.target': 'other' },
  link: { 'fs.path.target': 'path', 'fs.path.source': 'other' },
};

/** The fields of an operation's paths that a denying rule may use. */
export function namedFields(operation: OperationName): string[] {
  return Object.keys(NAMED[operation] ?? {});
}

/** A path that an operation on names is about, as the kernel resolved it. */
function named(check: Check, operation: OperationName): Decision | undefined {
  const dim = NAMED[operation]?.[check.field];
  if (dim === undefined) return undefined;
  return check.op === 'exists' ? always(true, 'such a call has a path') : stringDecision(dim, check);
}

function flag(check: Check, test: (state: number) => boolean): Decision {
  if (!['=', '==', 'in', '!='].includes(check.op)) return unknown(`\`${check.op}\` on a flag`);
  const want = (String(check.values[0]) === 'true') !== (check.op === '!=');
  return bitDecision(bits((s) => test(s) === want));
}

const FLAG_TEXTS: Readonly<Record<string, (state: number) => boolean>> = {
  O_CREAT: (s) => (s & BIT.create) !== 0,
  O_TRUNC: (s) => (s & BIT.truncate) !== 0,
  O_WRONLY: (s) => (s & BIT.write) !== 0 && (s & BIT.read) === 0,
  O_RDWR: (s) => (s & BIT.write) !== 0 && (s & BIT.read) !== 0,
  O_DIRECTORY: (s) => (s & BIT.extra) !== 0,
};

function flagText(check: Check): Decision {
  const test = FLAG_TEXTS[String(check.values[0])];
  if (test === undefined || check.op !== 'contains') {
    return unknown('only single open flags are known', Object.keys(FLAG_TEXTS).join(', '));
  }
  // `creat` has no flags argument, and its bits are all clear.
  return bitDecision(bits(test));
}

/** A directory is what was opened as one; what a failed call was to open depends on the call. */
function typechar(check: Check, purpose: Purpose): Decision {
  const value = String(check.values[0]);
  if (!EQUAL.has(check.op) || check.values.length !== 1) return unknown('several types', "fd.typechar = 'f'");
  const ok = (s: number): boolean => purpose === 'deny' || (s & BIT.ok) !== 0;
  if (value === 'd') return bitDecision(bits((s) => ok(s) && (s & BIT.extra) !== 0));
  if (value === 'f') {
    return bitDecision(
      bits((s) => !ok(s) || (s & BIT.extra) === 0),
      purpose === 'deny' ? 'exact' : 'necessary',
    );
  }
  return purpose === 'deny' ? always(false, 'not a file') : unknown('the type of the file');
}

/** The directory of a file; of an opened directory it is the name itself. */
function directory(check: Check, purpose: Purpose): Decision {
  const texts = check.values.map(String);
  const any = (patterns: Pattern[], strength: 'exact' | 'necessary'): Decision =>
    path('path', patterns, strength);
  if (EQUAL.has(check.op)) {
    if (purpose === 'deny')
      return any(
        texts.map((text) => ({ at: 'dir', text })),
        'exact',
      );
    const patterns = texts.flatMap((text): Pattern[] => [
      { at: 'dir', text },
      { at: 'exact', text },
    ]);
    return any(patterns, 'necessary');
  }
  if (check.op === 'startswith')
    return any(
      texts.map((text) => ({ at: 'prefix', text })),
      'necessary',
    );
  if (check.op === 'contains' || check.op === 'endswith') {
    return any(
      texts.map((text) => ({ at: 'contains', text })),
      'necessary',
    );
  }
  return unknown(`\`${check.op}\` on a directory`, 'fd.directory = , fd.name startswith');
}

/** The last component; only regular files have one in user space. */
function filename(check: Check, purpose: Purpose): Decision {
  const texts = check.values.map(String);
  if (EQUAL.has(check.op)) {
    const named = texts.filter((t) => !t.includes('/'));
    return path(
      'path',
      named.map((t) => ({ at: 'suffix', text: `/${t}` })),
      purpose === 'deny' ? 'exact' : 'necessary',
    );
  }
  const at = check.op === 'endswith' ? 'suffix' : 'contains';
  if (check.op === 'startswith')
    return path(
      'path',
      texts.map((t) => ({ at, text: `/${t}` })),
      'necessary',
    );
  if (check.op === 'endswith' || check.op === 'contains')
    return path(
      'path',
      texts.map((text) => ({ at, text })),
      'necessary',
    );
  return unknown(`\`${check.op}\` on a file's name`, 'fd.filename in (...)');
}

function path(dim: StringDim, patterns: readonly Pattern[], strength: 'exact' | 'necessary'): Decision {
  return { kind: 'terms', anyOf: [{ on: 'string', dim, patterns }], strength };
}
