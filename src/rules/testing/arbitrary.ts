/** Random conditions and events for property tests. */
import fc from 'fast-check';
import type { Value } from '../field-spec.ts';
import { TEST_EVENT_NAMES, type TestEvent } from './fixture.ts';

const WORDS = [
  'a',
  'ab',
  'abc',
  'bash',
  'sh',
  'SH',
  '/etc',
  '/etc/shadow',
  '/etc/passwd',
  '/home/x',
  '',
  'ssh d',
  'é',
  '-',
];
const NUMBERS = ['0', '1', '-1', '3', '443', '9007199254740993', '18446744073709551615'];
const ADDRESSES = ['10.0.0.1', '10.0.0.2', '127.0.0.1', '::1', 'fe80::1'];
const NETWORKS = ['10.0.0.0/8', '10.0.0.2/31', '0.0.0.0/0', '127.0.0.0/8', 'fe80::/10', '::/0'];
const GLOBS = ['*', 'a*', '*sh', '?b*', '/etc/*', '[a-b]*', '[!a]b', '\\*', '*s*d*', '[', 'ab[c'];
const TEXT_FIELDS = [
  'proc.name',
  'proc.cmdline',
  'fd.name',
  'proc.args[1]',
  'evt.arg.flags',
  'tolower(proc.name)',
];
const NUMBER_FIELDS = ['proc.pid', 'user.uid', 'fd.num', 'len(proc.name)'];

const pick = (words: readonly string[]): fc.Arbitrary<string> => fc.constantFrom(...words);
const quoted = (words: readonly string[]): fc.Arbitrary<string> =>
  pick(words).map((word) => `"${word.replace(/\\/g, '\\\\')}"`);
const listOf = (item: fc.Arbitrary<string>): fc.Arbitrary<string> =>
  fc.array(item, { maxLength: 7 }).map((items) => `(${items.join(', ')})`);

const textOp = pick(['=', '!=', 'contains', 'icontains', 'startswith', 'endswith']);
const EVENT_TYPES = TEST_EVENT_NAMES.slice(0, 6);

const check: fc.Arbitrary<string> = fc
  .oneof(
    fc.tuple(pick(TEXT_FIELDS), textOp, quoted(WORDS)),
    fc.tuple(pick(TEXT_FIELDS), textOp, pick(['oneof', 'anyof', 'allof']), listOf(quoted(WORDS))),
    fc.tuple(pick(TEXT_FIELDS), pick(['in', 'intersects', 'pmatch']), listOf(quoted(WORDS))),
    fc.tuple(pick(TEXT_FIELDS), pick(['glob', 'iglob']), quoted(GLOBS)),
    fc.tuple(
      pick(TEXT_FIELDS),
      pick(['glob', 'iglob']),
      pick(['oneof', 'anyof', 'allof']),
      listOf(quoted(GLOBS)),
    ),
    fc.tuple(
      pick(TEXT_FIELDS),
      fc.constant('regex'),
      quoted(['a.*', '/etc/(passwd|shadow)', '[a-z]+', 'b?a*sh']),
    ),
    fc.tuple(
      pick(TEXT_FIELDS),
      pick(['=', '!=', 'contains', 'glob']),
      pick(['val(proc.name)', 'val(fd.name)', 'toupper(proc.name)']),
    ),
    fc.tuple(
      pick(NUMBER_FIELDS),
      pick(['=', '!=', '<', '<=', '>', '>=']),
      pick(NUMBERS.filter((text) => text !== '18446744073709551615')),
    ),
    fc.tuple(
      pick(NUMBER_FIELDS),
      pick(['in', 'intersects']),
      listOf(pick(NUMBERS.filter((text) => text !== '18446744073709551615'))),
    ),
    fc.tuple(pick(['evt.failed', 'fd.connected']), pick(['=', '!=']), pick(['true', 'false'])),
    fc.tuple(pick(['fd.sip', 'fd.ip']), pick(['=', '!=']), pick(ADDRESSES)),
    fc.tuple(pick(['fd.sip', 'fd.ip']), fc.constant('in'), listOf(pick(ADDRESSES))),
    fc.tuple(pick(['fd.snet', 'fd.net']), pick(['=', '!=']), quoted(NETWORKS)),
    fc.tuple(pick(['fd.snet', 'fd.net']), pick(['in', 'intersects']), listOf(quoted(NETWORKS))),
    fc.tuple(pick(['fd.port', 'fd.sport']), pick(['=', '!=', '<', '>=']), pick(['0', '443', '22'])),
    fc.tuple(fc.constant('proc.aname'), textOp, quoted(WORDS)),
    fc.tuple(fc.constant('proc.aname[2]'), textOp, quoted(WORDS)),
    fc.tuple(fc.constant('fd.types'), pick(['in', 'intersects']), listOf(quoted(WORDS))),
    fc.tuple(fc.constant('evt.buffer'), pick(['bcontains', 'bstartswith']), pick(['61', '6162', '00'])),
    fc.tuple(fc.constant('evt.type'), pick(['=', '!=']), pick(EVENT_TYPES)),
    fc.tuple(fc.constant('evt.type'), fc.constant('in'), listOf(pick(EVENT_TYPES))),
    fc.tuple(
      pick([...TEXT_FIELDS, ...NUMBER_FIELDS, 'fd.ip', 'fd.types', 'proc.aname']),
      fc.constant('exists'),
    ),
  )
  .map((parts) => parts.join(' '));

/** Conditions that are well typed against the test table. */
export const conditions: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    check,
    fc
      .tuple(fc.array(tie('node'), { minLength: 2, maxLength: 4 }), pick([' and ', ' or ']))
      .map(([parts, op]) => `(${parts.join(op)})`),
    tie('node').map((inner) => `not ${inner}`),
  ),
})).node;

const bytesOf = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');
const text = fc.oneof(
  pick(WORDS).map(bytesOf),
  fc.string({ maxLength: 6, unit: fc.constantFrom('a', 'b', 's', 'h', '/', 'A', 'é').map(bytesOf) }),
);
const number: fc.Arbitrary<number | bigint> = fc.constantFrom(0, 1, 3, 443, -1, 2, 9007199254740993n);
const address = fc.constantFrom(
  '\x0a\0\0\x01',
  '\x0a\0\0\x02',
  '\x7f\0\0\x01',
  `${'\0'.repeat(15)}\x01`,
  `\xfe\x80${'\0'.repeat(13)}\x01`,
);

const VALUES: Readonly<Record<string, fc.Arbitrary<Value>>> = {
  'proc.name': text,
  'proc.cmdline': text,
  'fd.name': text,
  'proc.args[1]': text,
  'evt.arg.flags': text,
  'proc.aname[2]': text,
  'proc.pid': number,
  'user.uid': fc.constantFrom(0, 1, 4294967295, 18446744073709551615n),
  'fd.num': number,
  'evt.failed': fc.boolean(),
  'fd.connected': fc.boolean(),
  'fd.sip': address,
  'fd.snet': address,
  'fd.ip': fc.array(address, { maxLength: 2 }),
  'fd.net': fc.array(address, { maxLength: 2 }),
  'fd.port': fc.array(fc.constantFrom(0, 22, 443), { maxLength: 2 }),
  'fd.sport': fc.constantFrom(0, 22, 443),
  'proc.aname': fc.array(text, { minLength: 1, maxLength: 3 }),
  'fd.types': fc.array(text, { maxLength: 3 }),
  'evt.buffer': fc.string({ maxLength: 4, unit: fc.constantFrom('a', 'b', '\0', '\xff') }),
};

/** Events in which any field may be missing. */
export const events: fc.Arbitrary<TestEvent> = fc.record({
  type: pick(EVENT_TYPES),
  values: fc.record(VALUES, { requiredKeys: [] }) as fc.Arbitrary<Record<string, Value>>,
});
