import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { type DenyEntry, parseTarget, targetText } from './deny-entry.ts';
import { type DenyHits, DenyList, type DenySink } from './deny-list.ts';
import { DenyStore } from './deny-store.ts';

class Recorder implements DenySink {
  readonly entries = new Map<number, DenyEntry>();
  put(entries: readonly DenyEntry[]): void {
    for (const e of entries) this.entries.set(e.id, e);
  }
  remove(entry: DenyEntry): void {
    this.entries.delete(entry.id);
  }
  hits(): DenyHits {
    return { count: 0, last: undefined };
  }
  configure(): void {}
  follow(): void {}
}

const folders: string[] = [];
after(() => {
  for (const folder of folders) fs.rmSync(folder, { recursive: true });
});

function newFolder(): string {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-deny-'));
  folders.push(folder);
  return folder;
}

function make(options: { dir?: string; now?: () => number } = {}) {
  const dir = options.dir ?? newFolder();
  const sink = new Recorder();
  const list = new DenyList({
    sink,
    store: new DenyStore(dir),
    now: options.now ?? Date.now,
    monitor: false,
  });
  return { dir, sink, list };
}

test('targets are read and written back in one form', () => {
  const back = (target: string) => targetText(parseTarget({ target }));
  assert.equal(back('203.0.113.77/24'), '203.0.113.0/24');
  assert.equal(back('203.0.113.7'), '203.0.113.7');
  assert.equal(back('2001:DB8:0:0:0:0:0:1'), '2001:db8::1');
  assert.equal(back('2001:db8::/33'), '2001:db8::/33');
  assert.equal(back('::'), '::');
  assert.equal(back('::ffff:192.0.2.1'), '192.0.2.1');
  assert.equal(back('::ffff:192.0.2.0/120'), '192.0.2.0/24');
  assert.equal(back('/etc/shadow'), '/etc/shadow');
  assert.equal(back('exe:/usr/bin/nc'), 'exe:/usr/bin/nc');
});

test('what is not a target is refused with what could stand there', () => {
  for (const target of [
    '',
    'example.org',
    '1.2.3',
    '1.2.3.4/33',
    '1.2.3.4/',
    '1.2.3.4/x',
    'abcd',
    '10',
    '::1/129',
    'a.bc',
    'mail.example.org',
    '01.example.org',
    '1.2.3.256',
  ]) {
    assert.throws(() => parseTarget({ target }), /neither an address/, target);
  }
  assert.throws(() => parseTarget({ target: '1.2.3.4', port: 70000 }), /not a port/);
  assert.throws(() => parseTarget({ target: '1.2.3.4', protocol: 'sctp' }), /not a known protocol/);
  assert.throws(() => parseTarget({ target: '/x', port: 1 }), /a path has no port/);
});

test('an address that is octal to some is refused, alone and in a feed', () => {
  const { list } = make();
  const message = /^"[^"]+" has a number with a leading zero, which is octal to some$/;
  for (const target of ['010.1.1.1', '10.1.1.01', '10.001.1.0/24', '::ffff:010.1.1.1'])
    assert.throws(() => list.add({ target }), { code: 'E_DENY', message }, target);
  assert.throws(() => list.add({ target: '010.0.1.1' }), { help: '10.0.1.1, if it is decimal' });
  const { added, invalid } = list.import('192.0.2.1\n010.1.1.1\n0.0.0.0/8\n', { source: 'feed x' });
  assert.deepEqual([added, invalid.length, invalid[0]?.line], [2, 1, 2]);
  assert.match(invalid[0]?.message ?? '', message);
  assert.deepEqual(
    list.list().map(({ target }) => target),
    ['192.0.2.1', '0.0.0.0/8'],
  );
});

test('an entry survives a restart and keeps its id', () => {
  const first = make();
  const { id } = first.list.add({ target: '203.0.113.0/24', reason: 'test', port: 443, protocol: 'tcp' });
  const second = make({ dir: first.dir });
  assert.deepEqual(
    second.list.list().map((e) => [e.id, e.target, e.port, e.protocol, e.reason]),
    [[id, '203.0.113.0/24', 443, 'tcp', 'test']],
  );
  assert.equal(second.sink.entries.size, 1);
  assert.notEqual(second.list.add({ target: '192.0.2.1' }).id, id);
});

test('the same target is renewed, another port is another entry', () => {
  const { list } = make();
  const a = list.add({ target: '192.0.2.1' });
  assert.equal(list.add({ target: '192.0.2.1', reason: 'again' }).id, a.id);
  assert.notEqual(list.add({ target: '192.0.2.1', port: 80 }).id, a.id);
  assert.equal(list.size, 2);
});

test('a cgroup is one however it is written, also in a store of before', () => {
  let now = 1000;
  const { list, dir } = make({ now: () => now });
  const add = (scope: string, ttl?: number) => list.add({ target: '192.0.2.1', scope, ttl });
  const first = add('cgroup=/x', 500);
  assert.equal(add('cgroup=/x/').id, first.id);
  assert.deepEqual(
    list.list().map(({ scope, expires }) => [scope, expires]),
    [['cgroup=/x', null]],
  );
  const file = path.join(dir, 'deny.json');
  const stored = JSON.parse(fs.readFileSync(file, 'utf8'));
  const [entry] = stored.entries;
  const other = { ...entry, id: 9, scope: { kind: 'cgroup', path: '/x/' }, expires: 1500 };
  for (const entries of [
    [entry, other],
    [other, entry],
  ]) {
    fs.writeFileSync(file, JSON.stringify({ ...stored, entries }));
    now = 1000;
    const again = make({ dir, now: () => now });
    now = 2000;
    assert.deepEqual(
      again.list.list().map(({ id, scope }) => [id, scope]),
      [[first.id, 'cgroup=/x']],
    );
    assert.deepEqual([...again.sink.entries.keys()], [first.id]);
  }
});

test('an expired entry goes from the list and from the kernel', () => {
  let now = 1000;
  const { list, sink } = make({ now: () => now });
  list.add({ target: '192.0.2.1', ttl: 500 });
  now = 1499;
  assert.equal(list.list().length, 1);
  now = 1500;
  assert.equal(list.list().length, 0);
  assert.equal(sink.entries.size, 0);
});

test('a feed is read line by line, and bad lines are told with their number', () => {
  const { list } = make();
  const report = list.import('# feed\n192.0.2.1\n192.0.2.1 ; again\nnonsense\n\n2001:db8::/32\textra\n', {
    source: 'feed x',
  });
  assert.deepEqual([report.added, report.renewed], [2, 1]);
  assert.deepEqual(
    report.invalid.map((i) => [i.line, i.text]),
    [[4, 'nonsense']],
  );
});

test('a hundred thousand addresses are imported at once', () => {
  const { list } = make();
  const feed = Array.from({ length: 100_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join(
    '\n',
  );
  assert.equal(list.import(feed, {}).added, 100_000);
});

test('removing what is not there is an error, and a damaged store is not overwritten', () => {
  const { list, dir } = make();
  assert.throws(() => list.remove(17), /no deny entry 17/);
  fs.writeFileSync(path.join(dir, 'deny.json'), '{"format":');
  assert.throws(() => make({ dir }), /damaged/);
});

test('a disk that takes nothing changes nothing in force, is told of, and gets the entries when it does', () => {
  const dir = newFolder();
  const blocked = path.join(dir, 'deny.json.new');
  const sink = new Recorder();
  let now = 1_000_000;
  let told = 0;
  const onUnstored = (): void => void told++;
  const list = new DenyList({ sink, store: new DenyStore(dir), now: () => now, monitor: false, onUnstored });
  list.add({ target: '203.0.113.1' });
  // A folder where the new file would be made: every attempt fails.
  fs.mkdirSync(blocked);
  list.add({ target: '203.0.113.2', ttl: 1000 });
  list.add({ target: '203.0.113.3' });
  assert.equal(sink.entries.size, 3);
  now += 2000;
  assert.equal(list.expire(), 1);
  assert.equal(sink.entries.size, 2);
  assert.ok(told >= 3);
  assert.deepEqual(
    new DenyStore(dir).load().map((entry) => targetText(entry.target)),
    ['203.0.113.1'],
  );
  fs.rmdirSync(blocked);
  list.expire();
  assert.deepEqual(
    new DenyStore(dir).load().map((entry) => targetText(entry.target)),
    ['203.0.113.1', '203.0.113.3'],
  );
});

test('an entry for which the kernel has no room is not taken, and what was there stays', () => {
  const sink = new Recorder();
  let room = 2;
  const list: DenyList = new DenyList({
    sink,
    store: new DenyStore(newFolder()),
    now: Date.now,
    monitor: false,
    onObjects: () => (list.objects().length > room ? 'too many' : undefined),
  });
  list.add({ target: 'exe:/a', reason: 'first' });
  list.add({ target: '203.0.113.1' });
  list.add({ target: 'exe:/b' });
  assert.throws(() => list.add({ target: 'exe:/c' }), { code: 'E_DENY', message: 'not taken: too many' });
  assert.throws(() => list.import('exe:/a\nexe:/d\n203.0.113.2', { reason: 'feed' }), { code: 'E_DENY' });
  const kept = [
    ['exe:/a', 'first'],
    ['203.0.113.1', ''],
    ['exe:/b', ''],
  ];
  const shown = (): string[][] => list.list().map(({ target, reason }) => [target, reason]);
  assert.deepEqual(shown().sort(), kept.sort());
  assert.deepEqual(
    [...sink.entries.keys()].sort(),
    list
      .list()
      .map(({ id }) => id)
      .sort(),
  );
  room = 3;
  list.add({ target: 'exe:/c' });
  assert.equal(list.size, 4);
});

test('a flood of responses is stored together, not one by one', () => {
  const dir = newFolder();
  const store = new DenyStore(dir);
  let saves = 0;
  const counting = {
    load: () => store.load(),
    save: (entries: Iterable<DenyEntry>) => {
      saves++;
      store.save(entries);
    },
  };
  const list = new DenyList({ sink: new Recorder(), store: counting, now: Date.now, monitor: false });
  for (let i = 0; i < 1000; i++) list.ensure({ target: `10.0.${i >> 8}.${i & 255}`, source: 'rule X' });
  assert.equal(saves, 0);
  list.expire();
  assert.equal(store.load().length, 1000);
  list.ensure({ target: '10.1.0.0' });
  list.flush();
  list.flush();
  assert.equal(store.load().length, 1001);
  assert.equal(saves, 2);
});

test('an address for which the kernel has no room is an error, and not listed', () => {
  const sink = new Recorder();
  const list = new DenyList({ sink, store: new DenyStore(newFolder()), now: Date.now, monitor: false });
  list.add({ target: '203.0.113.1' });
  sink.put = () => {
    throw new Error('E2BIG');
  };
  assert.throws(() => list.add({ target: '203.0.113.2' }), /E2BIG/);
  assert.throws(() => list.ensure({ target: '203.0.113.3' }), /E2BIG/);
  assert.deepEqual(
    list.list().map(({ target }) => target),
    ['203.0.113.1'],
  );
});

test('what the kernel has no room for is not taken in', () => {
  const { dir, sink, list } = make();
  const known = list.add({ target: '203.0.113.9', reason: 'old' });
  const put = sink.put.bind(sink);
  sink.put = (entries) => {
    if (entries.some(({ reason }) => reason !== 'old')) throw new Error('E2BIG');
    put(entries);
  };
  assert.throws(() => list.add({ target: '203.0.113.7' }), /E2BIG/);
  assert.throws(() => list.import('203.0.113.8\n203.0.113.9\n203.0.113.8\n', { reason: 'new' }), /E2BIG/);
  assert.deepEqual(list.list(), [known]);
  assert.deepEqual([...sink.entries.keys()], [known.id]);
  list.remove('203.0.113.9');
  assert.deepEqual(make({ dir }).list.list(), []);
});
