import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EVENTS } from '../../sensors/events/events.ts';
import { RF_OP } from '../../sensors/record/layout.gen.ts';
import type { Condition, PolicyRule } from '../clauses/condition.ts';
import { OPERATIONS } from '../clauses/operations.ts';
import { BIT } from '../clauses/term.ts';
import { asDenied, condition, evaluate, openEvent, openHolds } from '../testing/random.ts';
import { compilePolicy } from './compile.ts';
import { ruleOf } from './deny-clauses.ts';
import { classify } from './model.ts';
import type { ClassTable, ClauseOwner } from './tables.ts';

const OPEN = new Set(['open', 'openat', 'openat2', 'creat']);
const rule = (c: Condition, over: Partial<PolicyRule> = {}): PolicyRule => ({
  name: 'r',
  condition: c,
  events: OPEN,
  enforce: 'none',
  mode: 'enforce',
  ...over,
});
const all = (...items: Condition[]): Condition => ({ kind: 'and', items });
const not = (item: Condition): Condition => ({ kind: 'not', item });
const is = (field: string, op: string, ...values: (string | number | boolean)[]): Condition => ({
  kind: 'check',
  check: { field, op, values, text: `${field} ${op} ${values.join(', ')}` },
});

test('no event that a rule matches is hidden from user space', () => {
  let matched = 0;
  fc.assert(
    fc.property(
      fc.array(condition, { minLength: 1, maxLength: 4 }),
      fc.array(openEvent, { minLength: 8, maxLength: 8 }),
      (conditions, events) => {
        const { policy } = compilePolicy(
          conditions.map((c) => rule(c)),
          1,
        );
        const table = policy.classes[0];
        for (const event of events) {
          if (!conditions.some((c) => evaluate(c, event, openHolds))) continue;
          matched++;
          assert.ok(table !== undefined && classify(policy, table, event.operation).emit);
        }
      },
    ),
    { numRuns: 4000 },
  );
  assert.ok(matched > 1000, 'the property was hardly exercised');
});

test('no event of a container is hidden, nor one of a process that has left it', () => {
  const counts = { matched: 0, dropped: 0 };
  const where = fc
    .tuple(fc.constantFrom('=', '!='), fc.boolean(), condition)
    .map(([op, inverse, c]): Condition => {
      const host = is('container.id', op, 'host');
      return all(inverse ? not(host) : host, c);
    });
  const placed = fc.tuple(openEvent, fc.constantFrom('host', 'c0ffee'), fc.constantFrom(0, 1, null));
  fc.assert(
    fc.property(fc.array(where, { minLength: 1, maxLength: 3 }), placed, (conditions, [event, id, scope]) => {
      // The kernel says nothing, or takes for the host only what is on it.
      if (id !== 'host' && scope === 0) return;
      const seen = { ...event, fields: new Map([...event.fields, ['container.id', id] as const]) };
      const numbers = new Map([...event.operation.numbers, ['scope', scope] as const]);
      const { policy } = compilePolicy(
        conditions.map((c) => rule(c)),
        1,
      );
      const table = policy.classes[0];
      const emit = table !== undefined && classify(policy, table, { ...event.operation, numbers }).emit;
      if (!emit) counts.dropped++;
      if (!conditions.some((c) => evaluate(c, seen, openHolds))) return;
      counts.matched++;
      assert.ok(emit);
    }),
    { numRuns: 4000 },
  );
  assert.ok(counts.matched > 200 && counts.dropped > 200, JSON.stringify(counts));
});

test('tables that had to be cut still hide nothing', () => {
  fc.assert(
    fc.property(fc.array(condition, { minLength: 2, maxLength: 30 }), openEvent, (conditions, event) => {
      const { policy } = compilePolicy(
        conditions.map((c) => rule(c)),
        1,
      );
      if (!conditions.some((c) => evaluate(c, event, openHolds))) return;
      assert.ok(classify(policy, policy.classes[0] as ClassTable, event.operation).emit);
    }),
    { numRuns: 1000 },
  );
});

test('a denial holds exactly where its condition does, for any call that does the same', () => {
  let denied = 0;
  fc.assert(
    fc.property(condition, openEvent.map(asDenied), (c, event) => {
      if (event.operation.strings.get('exe') === undefined || event.fields.get('evt.failed') === true) return;
      const { policy, errors } = compilePolicy([rule(c, { enforce: 'deny' })], 1);
      const table = policy.classes[0];
      if (errors.length > 0 || table === undefined) return;
      const verdict = classify(policy, table, event.operation);
      if (verdict.deny !== undefined) denied++;
      const asAny = [...OPEN].some((type) =>
        evaluate(c, { ...event, fields: new Map(event.fields).set('evt.type', type) }, openHolds),
      );
      assert.equal(verdict.deny !== undefined, asAny);
    }),
    { numRuns: 4000 },
  );
  assert.ok(denied > 100, 'the property was hardly exercised');
});

test('a denying rule that the kernel cannot decide is refused with the literal and what could stand there', () => {
  const { errors } = compilePolicy(
    [rule(all(is('fd.name', '=', '/x'), is('proc.cmdline', 'contains', 'y')), { enforce: 'deny' })],
    1,
  );
  assert.equal(errors.length, 1);
  assert.match(
    errors[0]?.message ?? '',
    /`proc\.cmdline contains y` cannot be decided in the kernel for open/,
  );
  assert.match(errors[0]?.help ?? '', /fd\.name/);
});

const denying = (events: string[], c: Condition) =>
  compilePolicy([rule(c, { events: new Set(events), enforce: 'deny' })], 1);

test('a denying rule on one call holds for those that do the same, and for no other', () => {
  const refused = (event: string): string[] => {
    const [table] = denying([event], is('proc.name', '=', 'x')).policy.classes;
    return [...(table?.events ?? [])]
      .filter(([, mask]) => (mask & (table?.deny ?? 0n)) !== 0n)
      .map(([e]) => e);
  };
  assert.deepEqual(refused('unlink'), ['unlink', 'unlinkat', 'rmdir']);
  assert.deepEqual(refused('rmdir'), ['rmdir']);
  assert.deepEqual(refused('setuid'), ['setuid', 'setreuid', 'setresuid']);
  assert.deepEqual(refused('umount2'), ['umount', 'umount2']);
  assert.deepEqual(refused('process_vm_readv'), ['process_vm_readv']);
});

test('what the kernel asks nobody about cannot be refused, and says so', () => {
  const { errors } = denying(['init_module', 'delete_module'], is('proc.name', '=', 'x'));
  assert.match(errors[0]?.message ?? '', /does not refuse delete_module/);
});

test('both paths of a rename are decided by name and by identity', () => {
  const c = all(is('fs.path.source', 'startswith', '/tmp/'), is('fs.path.target', '=', '/etc/passwd'));
  const { policy, errors } = denying(['rename'], c);
  assert.deepEqual(errors, []);
  const table = policy.classes[0] as ClassTable;
  assert.deepEqual(
    table.named.map(({ pattern, other }) => [pattern.text, other]),
    [
      ['/tmp/', false],
      ['/etc/passwd', true],
    ],
  );
  const deny = (path: string, other: string) =>
    classify(policy, table, {
      event: 'renameat2',
      bits: 1,
      strings: new Map([['path', path] as const, ['other', other] as const]),
      numbers: new Map(),
    }).deny;
  assert.equal(deny('/tmp/x', '/etc/passwd'), 0);
  assert.equal(deny('/tmp/x', '/etc/shadow'), undefined);
});

test('every event is among those of its operation: an event that is not would be hidden', () => {
  for (const { name, op } of EVENTS) {
    const row = OPERATIONS.find((o) => o.op === RF_OP[op]);
    if (row !== undefined) assert.ok((row.events as readonly string[]).includes(name), name);
  }
});

test('the opposite of an unknown check does not make the kernel drop events', () => {
  const { policy } = compilePolicy(
    [rule(all(is('fd.name', '=', '/x'), not(is('proc.cmdline', '=', 'y'))))],
    1,
  );
  const operation = {
    event: 'open',
    bits: 1,
    strings: new Map([['path', '/x'] as const]),
    numbers: new Map(),
  };
  assert.equal(classify(policy, policy.classes[0] as ClassTable, operation).emit, true);
});

test('an event whose strings could not be read goes to user space', () => {
  const { policy } = compilePolicy([rule(is('fd.name', '=', '/x'))], 1);
  const operation = { event: 'open', bits: 1, strings: new Map(), numbers: new Map() };
  assert.equal(classify(policy, policy.classes[0] as ClassTable, operation).emit, true);
});

test('ten thousand rules on paths become few clauses, and a path that none names still ends in the kernel', () => {
  const rules = Array.from({ length: 10_000 }, (_, i) =>
    rule(is('fd.name', '=', `/srv/data/customer-${i}/secret.key`)),
  );
  const { policy, patternLength } = compilePolicy(rules, 1);
  const table = policy.classes[0] as ClassTable;
  const open = (path: string) =>
    classify(policy, table, {
      event: 'open',
      bits: 1,
      strings: new Map([['path', path] as const]),
      numbers: new Map(),
    }).emit;
  assert.ok(table.clauses.length <= 256);
  assert.ok(patternLength > 8);
  assert.equal(open('/srv/data/customer-77/secret.key'), true);
  assert.equal(open('/usr/include/stdio.h'), false);
});

test('a rule in monitor mode denies nothing but knows what it would', () => {
  const { policy } = compilePolicy([rule(is('fd.name', '=', '/x'), { enforce: 'deny', mode: 'monitor' })], 1);
  const table = policy.classes[0] as ClassTable;
  assert.equal(table.monitor, table.deny);
});

test('ten thousand denying rules become few clauses that refuse the same, and each is known by what it refused', () => {
  const denying = (i: number): PolicyRule => ({
    ...rule(is('fd.name', '=', `/srv/data/customer-${i}/secret.key`), { enforce: 'deny' }),
    name: `rule ${i}`,
  });
  const { policy, errors } = compilePolicy(
    Array.from({ length: 10_000 }, (_, i) => denying(i)),
    1,
  );
  assert.deepEqual(errors, []);
  const table = policy.classes[0] as ClassTable;
  const refusal = (path: string) => {
    const strings = new Map([['path', path] as const]);
    const { deny } = classify(policy, table, { event: 'open', bits: 1, strings, numbers: new Map() });
    return deny === undefined ? undefined : ruleOf(table.clauses[deny] as ClauseOwner, { path0: path });
  };
  assert.equal(refusal('/srv/data/customer-77/secret.key'), 'rule 77');
  assert.equal(refusal('/srv/data/customer-9999/secret.key'), 'rule 9999');
  assert.equal(refusal('/srv/data/customer-10000/secret.key'), undefined);
  assert.equal(refusal('/srv/data/customer-77/secret.keys'), undefined);
});

test('an open that empties a file is one for writing to a denying rule, and none to a detecting one', () => {
  const empties = {
    event: 'open',
    bits: BIT.ok | BIT.read | BIT.truncate,
    strings: new Map(),
    numbers: new Map(),
  };
  const judged = (write: boolean, enforce: PolicyRule['enforce']) => {
    const { policy } = compilePolicy([rule(is('evt.is_open_write', '=', write), { enforce })], 1);
    return classify(policy, policy.classes[0] as ClassTable, empties);
  };
  assert.equal(judged(true, 'deny').deny, 0);
  assert.equal(judged(false, 'deny').deny, undefined);
  assert.equal(judged(true, 'none').emit, false);
  assert.equal(judged(false, 'none').emit, true);
});

test('many denials joined hold exactly where their conditions do', () => {
  let denied = 0;
  fc.assert(
    fc.property(
      fc.array(condition, { minLength: 140, maxLength: 160 }),
      openEvent.map(asDenied),
      (conditions, event) => {
        if (event.operation.strings.get('exe') === undefined || event.fields.get('evt.failed') === true)
          return;
        const single = conditions.filter(
          (c) => compilePolicy([rule(c, { enforce: 'deny' })], 1).errors.length === 0,
        );
        const { policy, errors } = compilePolicy(
          single.map((c) => rule(c, { enforce: 'deny' })),
          1,
        );
        const table = policy.classes[0];
        if (errors.length > 0 || table === undefined) return;
        const { deny } = classify(policy, table, event.operation);
        if (deny !== undefined) denied++;
        assert.equal(
          deny !== undefined,
          single.some((c) => evaluate(c, event, openHolds)),
        );
      },
    ),
    { numRuns: 60 },
  );
  assert.ok(denied > 5, 'the property was hardly exercised');
});
