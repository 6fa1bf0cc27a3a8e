import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isDeepStrictEqual } from 'node:util';
import type { Event } from '../../engine/enrich/event.ts';
import type { OnDemand } from '../../sensors/calls/capture-plan.ts';
import { EVENT_NAMES, EVENTS, PARAM_NAMES } from '../../sensors/events/events.ts';
import { readsOf } from '../check/refs.ts';
import { compileCondition } from '../condition.ts';
import type { FieldRef, FieldSpec } from '../field-spec.ts';
import { TABLE, World } from './test-world.ts';

/** Records with a part, and without it: the fields that then differ read it. */
interface Case {
  /** A field that differs must name one of these. */
  readonly parts: readonly OnDemand[];
  readonly event: (copied: boolean) => Event;
}

interface Environments {
  readonly own?: boolean;
  readonly parents?: boolean;
}

const env = (copied = false): string[] => (copied ? ['PATH=/bin', 'LD_PRELOAD=x'] : []);
const [SESSION, CHILD] = [100, 200];

function world({ own, parents }: Environments): { world: World; exec: Event } {
  const world = new World();
  world.run({ pid: SESSION, ppid: 0, start: 10, argv: ['/usr/sbin/sshd'], env: env(parents) });
  const session = { sid: SESSION, pgid: SESSION, vpgid: SESSION };
  const argv = ['/bin/cat', 'x'];
  return {
    world,
    exec: world.run({ pid: CHILD, ppid: SESSION, start: 20, argv, env: env(own), more: session }),
  };
}

const callOf = (name: string, spec: Parameters<World['call']>[2], environments: Environments = {}): Event =>
  world(environments).world.call(name, CHILD, { ret: 3, ...spec });

function later(call: 'setsid' | 'getsid'): Event {
  const { world: w } = world({});
  w.call(call, CHILD, { ret: CHILD });
  return w.call('openat', CHILD, { ret: 3, path0: '/x' });
}

const MESSAGES = EVENTS.filter(({ io, capture }) => io !== undefined && capture.msghdr !== true);

const CASES: readonly Case[] = [
  {
    parts: ['cwd'],
    event: (copied) => callOf('openat', { path0: '/x', ...(copied ? { cwd: '/tmp' } : {}) }),
  },
  { parts: ['session'], event: (copied) => later(copied ? 'setsid' : 'getsid') },
  ...MESSAGES.map(
    ({ name }): Case => ({
      parts: ['buffer'],
      event: (copied) => callOf(name, copied ? { data: 'hello' } : {}),
    }),
  ),
  { parts: ['env', 'ancestorEnv', 'execEnv'], event: (own) => world({ own }).exec },
  { parts: ['env', 'ancestorEnv'], event: (own) => callOf('openat', { path0: '/x' }, { own }) },
  { parts: ['ancestorEnv'], event: (parents) => world({ parents }).exec },
];

/** A field in every form that shows something in these cases. */
function forms({ name, arg, suffix }: FieldSpec<Event>): FieldRef<Event>[] {
  const numbers = Array.from({ length: 40 }, (_, index) => `${index}`);
  const args = arg === undefined ? [undefined] : [undefined, ...numbers, ...PARAM_NAMES, 'PATH'];
  const suffixes = suffix === undefined ? [] : [...PARAM_NAMES].filter(suffix.accepts);
  const found = [
    ...args.map((text) => TABLE.lookup(name, text)),
    ...suffixes.map((text) => TABLE.lookup(`${name}.${text}`, undefined)),
  ];
  return found.flatMap((result) => (result.ok ? [result.ref] : []));
}

const FORMS = TABLE.specs.flatMap(forms);

/** The fields whose value depends on whether the part was copied. */
function readers({ event }: Case): FieldRef<Event>[] {
  const [copied, bare] = [event(true), event(false)];
  return FORMS.filter(({ spec, arg }) => !isDeepStrictEqual(spec.get(copied, arg), spec.get(bare, arg)));
}

test('a field names in its row what the kernel must copy for it', () => {
  for (const one of CASES) {
    const silent = readers(one).filter((ref) => !one.parts.some((part) => readsOf([ref]).has(part)));
    assert.deepEqual(
      silent.map(({ text }) => text),
      [],
      `without ${one.parts.join(' or ')} in \`reads\``,
    );
  }
});

test('and nothing that it does not read', () => {
  const read = new Map<string, Set<OnDemand>>();
  for (const one of CASES)
    for (const { spec } of readers(one))
      for (const part of one.parts) read.set(spec.name, (read.get(spec.name) ?? new Set()).add(part));
  const idle = FORMS.flatMap((ref) =>
    [...readsOf([ref])]
      .filter((part) => !read.get(ref.spec.name)?.has(part))
      .map((part) => `${ref.text}: ${part}`),
  );
  assert.deepEqual(idle, []);
});

test('a condition reads what its fields read, on the right and in transformers too', () => {
  const options = { fields: TABLE, events: EVENT_NAMES };
  const reads = (text: string): OnDemand[] => {
    const result = compileCondition(text, options);
    assert.ok(result.ok, text);
    return [...result.reads].sort();
  };
  assert.deepEqual(reads('proc.name = cat and not fd.name exists'), []);
  assert.deepEqual(reads('not (toupper(proc.cwd) = /TMP/ or proc.sname exists)'), ['cwd', 'session']);
  assert.deepEqual(reads('proc.name = val(proc.env[NAME]) or proc.aenv[1] contains x'), [
    'ancestorEnv',
    'env',
  ]);
  assert.deepEqual(reads('evt.arg.flags = x or evt.arg.data contains x'), ['buffer']);
});
