import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { BpfObject } from '../../sensors/bpf/bpf.ts';
import { allocate } from '../../sensors/bpf/libbpf.ts';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { loadObject } from '../../sensors/loader.ts';
import { RF_STAT } from '../../sensors/record/layout.gen.ts';
import type { Condition } from '../clauses/condition.ts';
import { operation } from '../clauses/operations.ts';
import { BIT, type NumberDim, type StringDim } from '../clauses/term.ts';
import { compilePolicy } from '../tables/compile.ts';
import { classify } from '../tables/model.ts';
import type { Policy } from '../tables/tables.ts';
import { type Act, DENY_BYTES, writeDenial } from '../testing/denial.ts';
import { lexicalPath } from '../testing/lexical.ts';
import { QUERY_BYTES, writeQuery } from '../testing/query.ts';
import { condition } from '../testing/random.ts';
import { TestRun } from '../testing/run.ts';
import { KernelPolicy } from './kernel-policy.ts';

const EVENTS = ['open', 'openat', 'creat'] as const;
const OP_OPEN = operation('open').op;

const skip = process.getuid?.() === 0 ? false : 'needs root';
let object: BpfObject;
let policy: KernelPolicy;
const query = skip === false ? new TestRun(QUERY_BYTES) : undefined;
const path = skip === false ? allocate(4096) : undefined;

before(() => {
  if (skip !== false) return;
  object = loadObject({
    programs: new Set(['rf_judge_once', 'rf_deny_once']),
    ringBytes: 4096,
    priorityRingBytes: 4096,
  });
  policy = new KernelPolicy(object);
});
after(() => object?.close());

interface Open {
  readonly event: (typeof EVENTS)[number];
  readonly raw: string;
  readonly ret: number;
  readonly flags: number;
}

/** What the kernel program says of an open by this process. */
function judge(open: Open): boolean {
  const bytes = Buffer.from(path!.memory);
  bytes.fill(0).write(open.raw, 'latin1');
  const { event, ret, flags } = open;
  writeQuery(query!.context, { op: 'open', event, ret, path: path!.address, flags });
  return query!.call(object.programFd('rf_judge_once')) !== 0;
}

/** The same by the model. */
function modelled(compiled: Policy, open: Open): boolean {
  const table = compiled.classes.find((c) => c.op === OP_OPEN);
  if (table === undefined) return true;
  const access = open.flags & 3;
  let bits = open.ret >= 0 ? BIT.ok : 0;
  if (open.event !== 'creat') {
    if (access !== 1) bits |= BIT.read;
    if (access === 1 || access === 2) bits |= BIT.write;
    if (open.flags & 0o100) bits |= BIT.create;
    if (open.flags & 0o1000) bits |= BIT.truncate;
    if (open.flags & 0o200000) bits |= BIT.extra;
  }
  const strings = new Map<StringDim, string>([
    ['path', lexicalPath(process.cwd(), open.raw)],
    ['raw', open.raw],
  ]);
  return classify(compiled, table, {
    event: open.event,
    bits,
    strings,
    numbers: new Map([['uid', 0]]),
  }).emit;
}

const open: fc.Arbitrary<Open> = fc.record({
  event: fc.constantFrom(...EVENTS),
  raw: fc
    .array(fc.constantFrom('etc', 'shadow', '.ssh', '..', '.', '', 'a', 'x', 'sudoers.d', 'id_rsa', '\xff'), {
      minLength: 1,
      maxLength: 9,
    })
    .chain((parts) => fc.constantFrom('/', '', './', '//').map((head) => head + parts.join('/')))
    .filter((p) => p !== ''),
  ret: fc.constantFrom(3, 0, -2, -13),
  flags: fc.constantFrom(0, 1, 2, 0o101, 0o1102, 0o200000, 3),
});

test('without a policy every call goes to user space', { skip }, () => {
  assert.equal(judge({ event: 'open', raw: '/tmp/x', ret: 3, flags: 0 }), true);
});

test('the kernel judges as the model does', { skip }, () => {
  let generation = 0;
  let dropped = 0;
  let emitted = 0;
  fc.assert(
    fc.property(
      fc.array(condition, { minLength: 1, maxLength: 6 }),
      fc.array(open, { minLength: 40, maxLength: 40 }),
      (conditions, opens) => {
        const { policy: compiled } = compilePolicy(
          conditions.map((c: Condition) => ({
            name: 'r',
            condition: c,
            events: new Set(EVENTS),
            enforce: 'none',
            mode: 'monitor',
          })),
          ++generation,
        );
        policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
        for (const o of opens) {
          const said = judge(o);
          if (said) emitted++;
          else dropped++;
          assert.equal(said, modelled(compiled, o), JSON.stringify(o));
        }
      },
    ),
    { numRuns: 150 },
  );
  assert.ok(dropped > 0 && emitted > 0, 'both verdicts occur');
});

test('a pattern that is met at every byte of a long path leaves the others their say', { skip }, () => {
  const check = (op: 'pmatch' | '=', value: string): Condition => ({
    kind: 'check',
    check: { field: 'fd.name', op, values: [value], text: `fd.name ${op} ${value}` },
  });
  const { policy: compiled } = compilePolicy(
    [
      {
        name: 'r',
        condition: { kind: 'and', items: [check('pmatch', '*'), check('=', '/etc/shadow')] },
        events: new Set(EVENTS),
        enforce: 'none',
        mode: 'monitor',
      },
    ],
    1000,
  );
  policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
  const opened = (raw: string) => judge({ event: 'open', raw, ret: 3, flags: 0 });
  assert.deepEqual([opened('/etc/shadow'), opened(`/etc/${'x'.repeat(300)}`)], [true, false]);
});

const denial = skip === false ? new TestRun(DENY_BYTES) : undefined;

/** The clause that refuses an act, by the kernel; undefined = it is allowed. */
function refused(act: Act): number | undefined {
  writeDenial(denial!.context, act);
  const decided = denial!.call(object.programFd('rf_deny_once')) & 0xffff;
  return decided === 0 ? undefined : decided - 1;
}

/** The same by the model; `table` is that of the act's operation. */
function modelRefuses(compiled: Policy, act: Act): number | undefined {
  const table = compiled.classes.find((k) => k.operation === act.op);
  if (table === undefined) return undefined;
  const { address, port, protocol, id } = act;
  const v4 = address?.length === 4 ? Buffer.from(address, 'latin1').readUInt32BE() : undefined;
  const numbers = { uid: 0, daddr4: v4, dport: port, proto: protocol, id };
  return classify(compiled, table, {
    event: act.event,
    bits: act.bits ?? BIT.ok,
    strings: new Map<StringDim, string | null>([
      ['path', act.path ?? null],
      ['other', act.other ?? null],
      ['addr6', address?.length === 16 ? address : null],
      ['comm', null],
      ['exe', null],
    ]),
    numbers: new Map(Object.entries(numbers).map(([dim, n]) => [dim as NumberDim, n ?? null])),
  }).deny;
}

const NAMES = ['/etc/shadow', '/etc/passwd', '/tmp/x', '/tmp/', '/etc/', 'shadow', '/a', '/'];
const name = fc.constantFrom('/etc/shadow', '/etc/passwd', '/tmp/x', '/tmp/etc/shadow', '/a', '/etc', '/ab');
const ipText = fc.constantFrom('10.0.0.1', '10.0.0.2', '10.1.0.0/16', '0.0.0.0/0', '::1', '2001:db8::/32');
const ip = fc.constantFrom(
  ...['\x0a\0\0\x01', '\x0a\0\0\x02', '\x0a\x01\x07\x07', '\xc0\0\x02\x01'],
  ...[`${'\0'.repeat(15)}\x01`, `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x07`],
);
const literal = (field: string, op: string, values: (string | number)[], arg?: string): Condition => ({
  kind: 'check',
  check: { field, ...(arg === undefined ? {} : { arg }), op, values, text: `${field} ${op} ${values}` },
});
const compare = fc.constantFrom('=', '!=', '<', '<=', '>', '>=');

/** Conditions and acts of the operations that have no detection of their own to be tested by. */
const KINDS: readonly {
  literals: fc.Arbitrary<Condition>;
  act: fc.Arbitrary<Act>;
  events: readonly string[];
}[] = [
  {
    events: ['rename', 'renameat2'],
    literals: fc
      .tuple(
        fc.constantFrom('fs.path.source', 'fs.path.target'),
        fc.constantFrom('=', '!=', 'startswith', 'endswith', 'contains'),
        fc.constantFrom(...NAMES),
      )
      .map(([field, op, value]) => literal(field, op, [value])),
    act: fc.record({
      op: fc.constant('rename' as const),
      event: fc.constant('renameat2'),
      path: name,
      other: name,
    }),
  },
  {
    events: ['setuid', 'setgid'],
    literals: fc
      .tuple(compare, fc.constantFrom(0, 1, 1000))
      .map(([op, value]) => literal('evt.rawarg.uid', op, [value])),
    act: fc.oneof(
      fc.constantFrom(0, 1, 2, 1000, 4294967294).map((id): Act => ({ op: 'setuid', event: 'setresuid', id })),
      fc.constant<Act>({ op: 'setuid', event: 'setgid' }),
    ),
  },
  ...(['connect', 'bind'] as const).map((op) => ({
    events: [op],
    literals: fc.oneof(
      fc
        .tuple(fc.constantFrom('=', '!=', 'in'), ipText)
        .map(([how, value]) => literal(value.includes('/') ? 'fd.snet' : 'fd.sip', how, [value])),
      fc.tuple(compare, fc.constantFrom(1, 80, 443)).map(([how, value]) => literal('fd.sport', how, [value])),
      fc.constantFrom('tcp', 'udp').map((value) => literal('fd.l4proto', '=', [value])),
    ),
    act: fc
      .record({
        address: ip,
        port: fc.constantFrom(0, 1, 79, 80, 443, 65535),
        protocol: fc.constantFrom(1, 6, 17),
      })
      .map((rest): Act => ({ op, event: op, ...rest })),
  })),
];

/** Any combination of literals. */
function combined(literals: fc.Arbitrary<Condition>): fc.Arbitrary<Condition> {
  return fc.letrec<{ node: Condition }>((tie) => ({
    node: fc.oneof(
      { maxDepth: 3 },
      literals,
      fc
        .array(tie('node'), { minLength: 1, maxLength: 3 })
        .map((items): Condition => ({ kind: 'and', items })),
      fc
        .array(tie('node'), { minLength: 1, maxLength: 3 })
        .map((items): Condition => ({ kind: 'or', items })),
      tie('node').map((item): Condition => ({ kind: 'not', item })),
    ),
  })).node;
}

test('names, identities and addresses are refused exactly as the model does', { skip }, () => {
  let generation = 300_000;
  for (const { literals, act, events } of KINDS) {
    const counts = { denied: 0, allowed: 0 };
    fc.assert(
      fc.property(combined(literals), fc.array(act, { minLength: 15, maxLength: 15 }), (c, acts) => {
        const { policy: compiled, errors } = compilePolicy(
          [{ name: 'r', condition: c, events: new Set(events), enforce: 'deny', mode: 'enforce' }],
          ++generation,
        );
        if (errors.length > 0) return;
        policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
        for (const one of acts) {
          const expected = modelRefuses(compiled, one);
          assert.equal(refused(one), expected, JSON.stringify(one));
          counts[expected === undefined ? 'allowed' : 'denied']++;
        }
      }),
      { numRuns: 200 },
    );
    assert.ok(counts.denied > 100 && counts.allowed > 100, `${events}: ${JSON.stringify(counts)}`);
  }
});

test('the kernel refuses exactly what the model does', { skip }, () => {
  let generation = 100_000;
  let denied = 0;
  fc.assert(
    fc.property(condition, fc.array(open, { minLength: 20, maxLength: 20 }), (c, opens) => {
      const { policy: compiled, errors } = compilePolicy(
        [{ name: 'r', condition: c, events: new Set(EVENTS), enforce: 'deny', mode: 'enforce' }],
        ++generation,
      );
      if (errors.length > 0) return;
      policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
      for (const o of opens) {
        const bits = BIT.ok | (o.flags & 1 ? BIT.write : BIT.read);
        const act: Act = { op: 'open', event: o.event, bits, path: lexicalPath('/', o.raw) };
        const expected = modelRefuses(compiled, act);
        if (expected !== undefined) denied++;
        assert.equal(refused(act), expected);
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(denied > 300, `only ${denied} refusals`);
});

test('where a path cannot be read, a rule that fails closed refuses, and one that fails open does not', {
  skip,
}, () => {
  const named: Condition = {
    kind: 'check',
    check: { field: 'fd.name', op: 'endswith', values: ['.key'], text: '' },
  };
  const read: Act = { op: 'open', event: 'openat', bits: BIT.ok | BIT.read };
  let generation = 200_000;
  for (const failClosed of [false, true]) {
    const { policy: compiled } = compilePolicy(
      [
        {
          name: 'r',
          condition: named,
          events: new Set(EVENTS),
          enforce: 'deny',
          mode: 'enforce',
          failClosed,
        },
      ],
      ++generation,
    );
    policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
    assert.equal(refused({ ...read, path: '' }), failClosed ? 0 : undefined);
    assert.equal(refused({ ...read, path: '/x.key' }), 0);
    assert.equal(refused({ ...read, path: '/x' }), undefined);
  }
});

test('a socket is judged by its family', { skip }, () => {
  const family: Condition = {
    kind: 'check',
    check: { field: 'evt.arg', arg: 'domain', op: 'contains', values: ['AF_PACKET'], text: '' },
  };
  const { policy: compiled } = compilePolicy(
    [{ name: 'r', condition: family, events: new Set(['socket']), enforce: 'none', mode: 'monitor' }],
    8000,
  );
  policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
  const emitted = [1, 2, 10, 16, 17, 60].filter((domain) => {
    writeQuery(query!.context, { op: 'socket', event: 'socket', flags: domain });
    return query!.call(object.programFd('rf_judge_once')) !== 0;
  });
  assert.deepEqual(emitted, [17, 60], 'a family without a name is left to user space');
});

test('a rule holds while nearly every place to judge in is taken', { skip }, () => {
  const condition: Condition = {
    kind: 'check',
    check: { field: 'fd.name', op: '=', values: ['/no/such'], text: '' },
  };
  const { policy: compiled } = compilePolicy(
    [{ name: 'r', condition, events: new Set(['open']), enforce: 'deny', mode: 'enforce' }],
    1_000_000,
  );
  policy.install(compiled, (event) => [syscallNumber(event) ?? 0]);
  const scratches = object.map('scratches');
  const unjudged = (): bigint => {
    const key = Buffer.alloc(4);
    key.writeUInt32LE(RF_STAT.UNJUDGED);
    const value = object.map('stats').lookup(key) as Buffer;
    return Array.from({ length: value.length / 8 }, (_, cpu) => value.readBigUInt64LE(cpu * 8)).reduce(
      (a, b) => a + b,
    );
  };
  const setBusy = (busy: number, count: number): void => {
    for (let i = 0; i < count; i++) {
      const key = Buffer.alloc(4);
      key.writeUInt32LE(i);
      const value = scratches.lookup(key) as Buffer;
      value.writeUInt32LE(busy, 0);
      scratches.update(key, value);
    }
  };
  try {
    setBusy(1, scratches.maxEntries - 1);
    assert.equal(refused({ op: 'open', event: 'open', bits: BIT.ok | BIT.read, path: '/no/such' }), 0);
    assert.equal(
      refused({ op: 'open', event: 'open', bits: BIT.ok | BIT.read, path: '/no/other' }),
      undefined,
    );
    setBusy(1, scratches.maxEntries);
    const before = unjudged();
    assert.equal(
      refused({ op: 'open', event: 'open', bits: BIT.ok | BIT.read, path: '/no/such' }),
      undefined,
    );
    assert.equal(unjudged(), before + 1n, 'what cannot be judged is counted');
  } finally {
    setBusy(0, scratches.maxEntries);
  }
});
