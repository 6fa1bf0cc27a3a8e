import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import type { BpfObject } from '../sensors/bpf.ts';
import { allocate, native } from '../sensors/libbpf.ts';
import { loadObject } from '../sensors/loader.ts';
import { syscallNumber } from '../sensors/syscalls.ts';
import { compilePolicy } from './compile.ts';
import type { Condition } from './condition.ts';
import { KernelPolicy } from './kernel-policy.ts';
import { lexicalPath } from './lexical.ts';
import { classify } from './model.ts';
import { OPERATIONS } from './operations.ts';
import type { Policy } from './tables.ts';
import { BIT, type StringDim } from './term.ts';
import { condition } from './testing.ts';

const EVENTS = ['open', 'openat', 'creat'] as const;
const OP_OPEN = OPERATIONS.find((o) => o.name === 'open')?.op ?? 0;
const AT_FDCWD = -100;
/** struct rf_query and struct bpf_test_run_opts. */
const QUERY_BYTES = 64;
const RUN_BYTES = 88;

const skip = process.getuid?.() === 0 ? false : 'needs root';
let object: BpfObject;
let policy: KernelPolicy;
const query = skip === false ? allocate(QUERY_BYTES) : undefined;
const run = skip === false ? allocate(RUN_BYTES) : undefined;
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
  const q = Buffer.from(query!.memory);
  q.fill(0);
  q.writeUInt32LE(OP_OPEN, 0);
  q.writeUInt32LE(syscallNumber(open.event)!, 4);
  q.writeBigInt64LE(BigInt(open.ret), 8);
  q.writeBigUInt64LE(path!.address, 16);
  q.writeBigUInt64LE(BigInt(open.flags), 24);
  q.writeInt32LE(AT_FDCWD, 32);
  const opts = Buffer.from(run!.memory);
  opts.fill(0);
  opts.writeBigUInt64LE(BigInt(RUN_BYTES), 0);
  opts.writeBigUInt64LE(query!.address, 32);
  opts.writeUInt32LE(QUERY_BYTES, 48);
  assert.equal(native().programTestRun(object.programFd('rf_judge_once'), run!.address), 0);
  return opts.readUInt32LE(56) !== 0;
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
        policy.install(compiled, { numbers: (event) => [syscallNumber(event) ?? 0], keep: [] });
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

/** struct rf_deny_test: the object, the length and the path. */
const OBJECT_BYTES = 64;
const DENY_BYTES = OBJECT_BYTES + 8 + 512;
const denial = skip === false ? allocate(DENY_BYTES) : undefined;

/** The clause that refuses an open of a path, by the kernel; undefined = it is allowed. */
function refused(event: Open['event'], bits: number, text: string): number | undefined {
  const bytes = Buffer.from(denial!.memory);
  bytes.fill(0);
  bytes.writeUInt32LE(OP_OPEN, 0);
  bytes.writeUInt32LE(syscallNumber(event)!, 4);
  bytes.writeUInt32LE(bits, 8);
  bytes.writeUInt32LE(text.length, OBJECT_BYTES);
  bytes.write(text, OBJECT_BYTES + 8, 'latin1');
  const opts = Buffer.from(run!.memory);
  opts.fill(0);
  opts.writeBigUInt64LE(BigInt(RUN_BYTES), 0);
  opts.writeBigUInt64LE(denial!.address, 32);
  opts.writeUInt32LE(DENY_BYTES, 48);
  assert.equal(native().programTestRun(object.programFd('rf_deny_once'), run!.address), 0);
  const decided = opts.readUInt32LE(56) & 0xffff;
  return decided === 0 ? undefined : decided - 1;
}

test('the kernel refuses exactly what the model does', { skip }, () => {
  let generation = 100_000;
  let denied = 0;
  fc.assert(
    fc.property(condition, fc.array(open, { minLength: 20, maxLength: 20 }), (c, opens) => {
      const { policy: compiled, errors } = compilePolicy(
        [{ name: 'r', condition: c, events: new Set(EVENTS), enforce: 'deny', mode: 'enforce' }],
        ++generation,
      );
      const table = compiled.classes.find((k) => k.op === OP_OPEN);
      if (errors.length > 0 || table === undefined) return;
      policy.install(compiled, { numbers: (event) => [syscallNumber(event) ?? 0], keep: [] });
      for (const o of opens) {
        const text = lexicalPath('/', o.raw);
        const strings = new Map<StringDim, string | null>([
          ['path', text],
          ['comm', null],
          ['exe', null],
        ]);
        const bits = BIT.ok | (o.flags & 1 ? BIT.write : BIT.read);
        const expected: number | undefined = classify(compiled, table, {
          event: o.event,
          bits,
          strings,
          numbers: new Map([['uid', 0]]),
        }).deny;
        if (expected !== undefined) denied++;
        assert.equal(refused(o.event, bits, text), expected);
      }
    }),
    { numRuns: 1000 },
  );
  assert.ok(denied > 300, `only ${denied} refusals`);
});

test('a system call that is to be kept goes to user space whatever the rules say', { skip }, () => {
  const never: Condition = {
    kind: 'check',
    check: { field: 'fd.name', op: '=', values: ['/no/such'], text: '' },
  };
  const { policy: compiled } = compilePolicy(
    [{ name: 'r', condition: never, events: new Set(['open']), enforce: 'none', mode: 'monitor' }],
    9999,
  );
  const numbers = (event: string) => [syscallNumber(event) ?? 0];
  const one: Open = { event: 'open', raw: '/tmp/x', ret: 3, flags: 0 };
  policy.install(compiled, { numbers, keep: [] });
  assert.equal(judge(one), false);
  policy.install(compiled, { numbers, keep: numbers('open') });
  assert.equal(judge(one), true);
  policy.remove();
  assert.equal(judge({ ...one, event: 'openat' }), true);
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
  policy.install(compiled, { numbers: (event) => [syscallNumber(event) ?? 0], keep: [] });
  const scratches = object.map('scratches');
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
    assert.equal(refused('open', BIT.ok | BIT.read, '/no/such'), 0);
    assert.equal(refused('open', BIT.ok | BIT.read, '/no/other'), undefined);
  } finally {
    setBusy(0, scratches.maxEntries - 1);
  }
});
