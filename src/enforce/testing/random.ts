/** Random rules and events for the property tests, with a direct evaluation of conditions as the reference. */
import fc from 'fast-check';
import type { Check, CheckValue, Condition } from '../clauses/condition.ts';
import { BIT, type NumberDim, type StringDim } from '../clauses/term.ts';
import { globTest } from '../clauses/text-patterns.ts';
import type { Operation } from '../tables/model.ts';
import { lexicalPath } from './lexical.ts';

/** An event as user space has it: field values by name, missing ones left out. */
export interface TestEvent {
  readonly type: string;
  readonly fields: ReadonlyMap<string, CheckValue>;
  readonly operation: Operation;
}

const path = fc
  .array(
    fc.constantFrom('etc', 'shadow', 'passwd', 'ssh', '.', '..', '', 'a', 'sudoers.d', '.ssh', 'id_rsa', 'x'),
    { maxLength: 5 },
  )
  .chain((parts) => fc.boolean().map((absolute) => (absolute ? '/' : '') + parts.join('/')))
  .filter((p) => p !== '');

const TEXTS = [
  '/etc/',
  '/etc',
  '/etc/shadow',
  'shadow',
  '.ssh/',
  '/',
  'a',
  '../',
  'id_rsa',
  '/a/x',
  'x',
  '',
  'etc',
  '/etc/sudoers.d',
];
const NAMES = ['cat', 'sh', 'bash', 'sshd', 'a'];

export const openEvent: fc.Arbitrary<TestEvent> = fc
  .record({
    type: fc.constantFrom('open', 'openat', 'openat2', 'creat'),
    raw: path,
    base: fc.constantFrom('/', '/etc', '/home/a/.ssh', '/a'),
    ok: fc.boolean(),
    access: fc.constantFrom('r', 'w', 'rw'),
    create: fc.boolean(),
    truncate: fc.boolean(),
    comm: fc.constantFrom(...NAMES),
    exe: fc.constantFrom('/bin/cat', '/usr/bin/sh', '/etc/x'),
    uid: fc.constantFrom(0, 1, 1000, 4294967294),
    opaque: fc.constantFrom('cat x', 'y'),
    readable: fc.boolean(),
  })
  .map((e) => {
    const creat = e.type === 'creat';
    const name = lexicalPath(e.base, e.raw);
    const slash = name.lastIndexOf('/');
    const fields = new Map<string, CheckValue>([
      ['evt.type', e.type],
      ['fd.name', name],
      ['fd.nameraw', e.raw.replace(/\/+/g, '/')],
      ['fd.directory', slash === 0 ? '/' : name.slice(0, slash)],
      ['fd.num', e.ok ? 3 : -1],
      ['evt.rawres', e.ok ? 3 : -2],
      ['evt.res', e.ok ? 'SUCCESS' : 'ENOENT'],
      ['evt.failed', !e.ok],
      ['evt.is_open_read', !creat && e.access !== 'w'],
      ['evt.is_open_write', !creat && e.access !== 'r'],
      ['proc.name', e.comm],
      ['proc.exepath', e.exe],
      ['proc.cmdline', e.opaque],
      ['user.uid', e.uid],
    ]);
    if (e.ok) fields.set('fd.filename', name.slice(slash + 1));
    if (!creat)
      fields.set('evt.arg.flags', `${e.truncate ? 'O_TRUNC|' : ''}${e.create ? 'O_CREAT|' : ''}O_NONE`);
    let bits = e.ok ? BIT.ok : 0;
    if (!creat) {
      if (e.access !== 'w') bits |= BIT.read;
      if (e.access !== 'r') bits |= BIT.write;
      if (e.create) bits |= BIT.create;
      if (e.truncate) bits |= BIT.truncate;
    }
    const strings = new Map<StringDim, string>([
      ['path', name],
      ['raw', e.raw],
      ['comm', e.comm],
    ]);
    if (e.readable) strings.set('exe', e.exe);
    const numbers = new Map<NumberDim, number>([['uid', e.uid]]);
    return { type: e.type, fields, operation: { event: e.type, bits, strings, numbers } };
  });

/** The same open as a denying rule has it: O_TRUNC is writing. */
export function asDenied(event: TestEvent): TestEvent {
  const write = (event.operation.bits & (BIT.write | BIT.truncate)) !== 0;
  return { ...event, fields: new Map(event.fields).set('evt.is_open_write', write) };
}

/** A check as the rules' compiler makes it. */
export const check = (field: string, op: string, values: CheckValue[]): Check => {
  const dot = field.startsWith('evt.arg.') ? 'evt.arg' : field;
  const text = `${field} ${op} ${values.join(',')}`;
  return { field: dot, ...(dot === field ? {} : { arg: field.slice(8) }), op, values, text };
};

const textOps = fc.constantFrom('=', '!=', 'in', 'startswith', 'endswith', 'contains', 'pmatch', 'glob');
const textCheck = fc
  .tuple(
    fc.constantFrom(
      'fd.name',
      'fd.nameraw',
      'fd.directory',
      'fd.filename',
      'proc.name',
      'proc.exepath',
      'proc.cmdline',
    ),
    textOps,
    fc.array(fc.constantFrom(...TEXTS, ...NAMES, '*shadow', '/etc/*', '/*/.ssh/*', '*'), {
      minLength: 1,
      maxLength: 3,
    }),
  )
  .map(([field, op, values]) =>
    check(field, op, ['in', 'pmatch'].includes(op) ? values : values.slice(0, 1)),
  );
const otherCheck = fc.oneof(
  fc.constantFrom('open', 'openat', 'creat').map((v) => check('evt.type', '=', [v])),
  fc.constantFrom(true, false).map((v) => check('evt.is_open_read', '=', [v])),
  fc.constantFrom(true, false).map((v) => check('evt.is_open_write', '=', [v])),
  fc.constantFrom('O_TRUNC', 'O_CREAT').map((v) => check('evt.arg.flags', 'contains', [v])),
  fc
    .tuple(fc.constantFrom('=', '!=', '<', '<=', '>', '>='), fc.constantFrom(0, 1, 1000))
    .map(([op, v]) => check('user.uid', op, [v])),
  fc
    .tuple(fc.constantFrom('=', '!=', '<', '<=', '>', '>='), fc.constantFrom(-2, -1, 0, 3))
    .map(([op, v]) => check('fd.num', op, [v])),
  fc.constantFrom('SUCCESS', 'ENOENT').map((v) => check('evt.res', '=', [v])),
  fc.constant(check('evt.res', 'startswith', ['E'])),
);

/** Conditions made of such checks. */
export const conditionOf = (checks: fc.Arbitrary<Check>): fc.Arbitrary<Condition> =>
  fc.letrec<{ node: Condition }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 4, withCrossShrink: true },
      checks.map((c): Condition => ({ kind: 'check', check: c })),
      fc
        .array(tie('node'), { minLength: 1, maxLength: 4 })
        .map((items): Condition => ({ kind: 'and', items })),
      fc
        .array(tie('node'), { minLength: 1, maxLength: 4 })
        .map((items): Condition => ({ kind: 'or', items })),
      tie('node').map((item): Condition => ({ kind: 'not', item })),
    ),
  })).node;

export const condition: fc.Arbitrary<Condition> = conditionOf(fc.oneof(textCheck, otherCheck));

/** The meaning of a condition: two-valued, a check of a missing field is false. */
export function evaluate<E>(c: Condition, event: E, holds: (check: Check, event: E) => boolean): boolean {
  switch (c.kind) {
    case 'const':
      return c.value;
    case 'not':
      return !evaluate(c.item, event, holds);
    case 'and':
      return c.items.every((i) => evaluate(i, event, holds));
    case 'or':
      return c.items.some((i) => evaluate(i, event, holds));
    case 'check':
      return holds(c.check, event);
  }
}

/** Whether a check holds for an open. */
export function openHolds(c: Check, event: TestEvent): boolean {
  const value = event.fields.get(c.arg === undefined ? c.field : `${c.field}.${c.arg}`);
  if (value === undefined) return false;
  const text = String(value);
  const number = Number(value);
  const first = c.values[0] as CheckValue;
  switch (c.op) {
    case '=':
      return value === first;
    case '!=':
      return value !== first;
    case 'in':
      return c.values.includes(value);
    case 'startswith':
      return text.startsWith(String(first));
    case 'endswith':
      return text.endsWith(String(first));
    case 'contains':
      return text.includes(String(first));
    case 'glob':
      return new RegExp(`^${String(first).replace(/[.]/g, '\\.').replace(/\*/g, '.*')}$`, 's').test(text);
    case 'pmatch':
      return c.values.some((v) => pmatch(text, String(v)));
    case '<':
      return number < Number(first);
    case '<=':
      return number <= Number(first);
    case '>':
      return number > Number(first);
    case '>=':
      return number >= Number(first);
    default:
      throw new Error(`no such operator: ${c.op}`);
  }
}

function pmatch(path: string, prefix: string): boolean {
  const want = prefix.split('/').filter(Boolean);
  const have = path.split('/').filter(Boolean);
  return want.length <= have.length && want.every((w, i) => globMatches(w, have[i] as string));
}

function globMatches(glob: string, text: string): boolean {
  return globTest(glob).patterns[0]?.at === 'exact'
    ? glob === text
    : new RegExp(`^${glob.replace(/\*/g, '.*')}$`).test(text);
}
