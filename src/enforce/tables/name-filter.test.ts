import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { probe } from '../../sensors/bpf/probe.ts';
import { loadObject } from '../../sensors/loader.ts';
import type { Condition, PolicyRule } from '../clauses/condition.ts';
import { matches, type Pattern } from '../clauses/term.ts';
import { KernelPolicy } from '../kernel/kernel-policy.ts';
import { check } from '../testing/random.ts';
import { compilePolicy } from './compile.ts';
import { identifier } from './identify.ts';
import { LabelMap, policyLabels } from './labels.ts';
import { neededName } from './name-filter.ts';

const text = fc
  .tuple(
    fc.constantFrom('', '/'),
    fc.array(fc.constantFrom('a', 'b', 'etc', 'x y', '.pem', 'a (deleted)'), { maxLength: 3 }),
    fc.constantFrom('', '/'),
  )
  .map(([start, parts, end]) => start + parts.join('/') + end);
/** A pattern, and what stands before and behind its text. */
const example = fc.record({
  at: fc.constantFrom<Pattern['at']>('exact', 'prefix', 'suffix', 'contains', 'dir'),
  text,
  before: text,
  behind: text,
});

test('a path for which a pattern holds has the name that the pattern needs', () => {
  const checked = { file: 0, folder: 0, fileEnd: 0, folderEnd: 0, together: 0 };
  fc.assert(
    fc.property(example, ({ before, behind, ...p }) => {
      const needed = neededName(p);
      const head = p.at === 'suffix' || p.at === 'contains' ? before : '';
      const tail = p.at === 'exact' || p.at === 'suffix' ? '' : behind;
      const name = head + p.text + tail;
      // The kernel's paths are in their normal form.
      if (needed === undefined || !/^(\/[^/]+)+$/.test(name) || !matches(p, name)) return;
      const names = name.split('/').slice(1);
      const file = names.pop() as string;
      const met = {
        file: file === needed.name && (needed.folder ?? names.at(-1)) === names.at(-1),
        folder: names.includes(needed.name),
        fileEnd: file.endsWith(needed.name),
        folderEnd: names.some((folder) => folder.endsWith(needed.name)),
      };
      assert.ok(met[needed.of], `${name} ${JSON.stringify(needed)}`);
      checked[needed.of]++;
      if (needed.folder !== undefined) checked.together++;
    }),
    { numRuns: 20_000 },
  );
  for (const [kind, times] of Object.entries(checked)) assert.ok(times > 50, `${kind}: ${times}`);
});

test('what a path need not end with is no name', () => {
  // The kernel's name of a file that has been removed ends in ` (deleted)`.
  for (const text of ['', ')', 'ted)', ' (deleted)', '.pem (deleted)']) {
    assert.equal(neededName({ at: 'suffix', text }), undefined, text);
  }
  assert.deepEqual(neededName({ at: 'suffix', text: '.pem' }), { of: 'fileEnd', name: '.pem' });
  assert.deepEqual(neededName({ at: 'contains', text: '.ssh/id' }), { of: 'folderEnd', name: '.ssh' });
  assert.equal(neededName({ at: 'contains', text: 'id_rsa' }), undefined);
});

/** Opens files of all kinds, in a mount namespace of its own, and keeps them open. */
const HOLDER = `
import ctypes, os, sys
libc = ctypes.CDLL(None)
d = os.environ['DIR'].encode()
assert libc.unshare(0x20000) == 0 and libc.mount(b'none', b'/', None, 0x4c000, None) == 0
for name in (b'mnt', b'bind', b'tree/sub', b'tree/' + b'f' * 39): os.makedirs(d + b'/' + name, exist_ok=True)
held = []
def hold(path, flags=os.O_RDWR | os.O_CREAT): held.append(os.open(path, flags, 0o600))
for n in (1, 7, 8, 9, 16, 17, 32, 39, 40, 255):
    hold(d + b'/tree/' + (b'n' * n))
    hold(d + b'/tree/sub/' + (b'm' * (n - 1) + b'k'))
hold(d + b'/tree/' + b'f' * 39 + b'/inner')
open(d + b'/one', 'w').close()
assert libc.mount(b'none', d + b'/mnt', b'tmpfs', 0, None) == 0
os.makedirs(d + b'/mnt/in'); hold(d + b'/mnt/in/one'); hold(d + b'/mnt/one')
assert libc.mount(d + b'/tree/sub', d + b'/bind', None, 4096, None) == 0
hold(d + b'/bind/k'); hold(d + b'/bind/new')
open(d + b'/over', 'w').close()
assert libc.mount(d + b'/one', d + b'/over', None, 4096, None) == 0
hold(d + b'/over', os.O_RDWR); hold(d + b'/one', os.O_RDWR)
os.link(d + b'/one', d + b'/tree/hard'); hold(d + b'/tree/hard', os.O_RDWR)
hold(d + b'/gone'); os.unlink(d + b'/gone')
hold(d + b'/before'); os.rename(d + b'/before', d + b'/tree/after')
held.append(os.memfd_create('memory')); hold(b'/proc/self/comm', os.O_RDONLY)
hold(b'/proc/self/ns/mnt', os.O_RDONLY)
print('ready', flush=True); sys.stdin.read()
`;

const openRule = (name: string, field: string, op: string, text: string): PolicyRule => ({
  name,
  events: new Set(['openat']),
  condition: { kind: 'check', check: check(field, op, [text]) },
  enforce: 'deny',
  mode: 'enforce',
});
/** It names no file, so that no open passes by names. */
const UNNAMED = openRule('unnamed', 'fd.name', 'contains', 'no-such-text');
/** Ends of more lengths than are looked at. */
const ENDS = ['.z', '.zzz', '.zzzz', '.zzzzzz', '.zzzzzzzzz'].map((end) =>
  openRule('ends', 'fd.name', 'endswith', end),
);

const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : probe('iterators').answer !== 'yes'
      ? `needs iterators: ${probe('iterators').why}`
      : !fs.existsSync('/usr/bin/python3')
        ? 'needs /usr/bin/python3'
        : false;

test('an open that passes by names and labels is one that no rule refuses', { skip }, async () => {
  const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'rf-names-')));
  const holder = spawn('/usr/bin/python3', ['-c', HOLDER], {
    env: { ...process.env, DIR: dir },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const pid = holder.pid as number;
  const object = loadObject({
    programs: new Set(['rf_open_once', 'rf_judge_seed']),
    ringBytes: 4096,
    priorityRingBytes: 4096,
  });
  try {
    await once(holder.stdout, 'data');
    const kernel = new KernelPolicy(object);
    const labels = new LabelMap(object);
    let generation = 0;
    let times = 0;
    const refused = (rules: PolicyRule[]): string[] => {
      const { policy, errors } = compilePolicy(rules, ++generation);
      assert.deepEqual(errors, []);
      const known = policyLabels(policy, identifier());
      labels.put(known, generation);
      kernel.install(policy, () => [257]);
      labels.prune(known, generation);
      const fds = object.iterate('rf_open_once', pid);
      return Array.from({ length: fds.length / 4 }, (_, i) =>
        fs.readlinkSync(`/proc/${pid}/fd/${fds.readUInt32LE(i * 4)}`),
      );
    };
    const held = fs.readdirSync(`/proc/${pid}/fd`).map((fd) => fs.readlinkSync(`/proc/${pid}/fd/${fd}`));
    const files = held.filter((name) => name.startsWith('/'));
    assert.ok(files.length > 27, files.join(' '));
    // What is known of the asking process rules out only what is about others.
    const comm = fs.readFileSync('/proc/self/comm', 'latin1').trim();
    const program = (op: string, name: string): Condition => ({
      kind: 'and',
      items: [
        { kind: 'check', check: check('proc.name', op, [name]) },
        { kind: 'check', check: check('fd.name', 'contains', ['/tree/']) },
      ],
    });
    const unknown = refused([{ ...UNNAMED, condition: program('=', comm) }]);
    assert.deepEqual(unknown, [], 'a process of which nothing is known has no name');
    object.iterate('rf_judge_seed');
    const inTree = held.filter((name) => name.includes('/tree/')).sort();
    for (const [op, name, whom] of [
      ['=', comm, inTree],
      ['!=', comm, []],
      ['=', 'another', []],
      ['!=', 'another', inTree],
    ] as const) {
      assert.deepEqual(refused([{ ...UNNAMED, condition: program(op, name) }]).sort(), whom, `${op} ${name}`);
    }
    const space = held.find((name) => name.startsWith('mnt:')) as string;
    for (const text of [space.slice(-3), space, '[']) {
      const how = text === '[' ? 'contains' : 'endswith';
      assert.deepEqual(refused([openRule('named', 'fd.name', how, text)]), [space], text);
    }
    for (const file of files) {
      const folder = path.dirname(file);
      const tests: [string, string, string][] = [
        ['fd.name', '=', file],
        ['fd.directory', '=', folder],
        ['fd.name', 'pmatch', folder],
        ['fd.name', 'startswith', `${folder}/`],
        ['fd.name', 'startswith', file.slice(0, -1)],
        ['fd.name', 'endswith', `/${path.basename(file)}`],
        ['fd.name', 'endswith', `${folder.slice(-2)}/${path.basename(file)}`],
        ['fd.name', 'endswith', `/${path.basename(folder)}/${path.basename(file)}`],
        ['fd.name', 'endswith', file.slice(-1)],
        ['fd.name', 'endswith', path.basename(file).slice(-9)],
        ['fd.name', 'glob', `*${path.basename(file).slice(-4)}`],
        ['fd.name', 'contains', `/${path.basename(folder)}/`],
        ['fd.name', 'contains', `${path.basename(folder).slice(-3)}/${path.basename(file).slice(0, 1)}`],
      ];
      // Of what lies in no folder (memfd) only the name can be told.
      for (const [field, op, text] of folder === '/' ? tests.slice(0, 1) : tests) {
        const rule = openRule('named', field, op, text);
        // Every second one beside ends of many lengths.
        const [byNames, whole] = [refused(++times % 2 ? [rule] : [rule, ...ENDS]), refused([rule, UNNAMED])];
        assert.deepEqual(byNames, whole, `${field} ${op} ${text}`);
        assert.ok(byNames.includes(file), `${field} ${op} ${text} refuses ${file}`);
        assert.ok(byNames.length < held.length, `${field} ${op} ${text} refuses everything`);
      }
    }
  } finally {
    object.close();
    holder.stdin.end();
    await once(holder, 'close');
    fs.rmSync(dir, { recursive: true });
  }
});
