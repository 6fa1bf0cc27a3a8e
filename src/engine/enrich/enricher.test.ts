import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { type RecordSpec, recordOf } from '../../sensors/record/build-record.ts';
import { BootClock } from './clock.ts';
import type { ContainerMetadata } from './container.ts';
import { ContainerRegistry, type ContainerRuntime } from './containers.ts';
import { Enricher, type EnricherOptions } from './enricher.ts';

const OPENAT = 257;
const SETSID = 112;
const CLONE = 56;
const ID = 'c0'.repeat(32);

function enricher(options: EnricherOptions = {}): Enricher {
  return new Enricher({ proc: undefined, arch: 'x64', clock: new BootClock(() => 0n), ...options });
}

const apply = (e: Enricher, spec: RecordSpec): ReturnType<Enricher['apply']> => e.apply(recordOf(spec));

const fork = (pid: number, child: number, start: number, more: object = {}): RecordSpec => ({
  kind: 'fork',
  ts: start,
  pid,
  tid: pid,
  start: pid,
  comm: `c${pid}`,
  nr: CLONE,
  childPid: child,
  childTid: child,
  childVpid: child,
  childVtid: child,
  childPpid: pid,
  childStart: child,
  ...more,
});

const exec = (pid: number, ts: number, comm: string, more: object = {}): RecordSpec => ({
  kind: 'exec',
  ts,
  pid,
  tid: pid,
  vpid: pid,
  start: pid,
  comm,
  args: `${comm}\0`,
  env: '',
  exe: `/bin/${comm}`,
  cwd: '/w',
  sid: 9,
  tty: 3,
  ...more,
});

const open = (pid: number, ts: number, more: object = {}): RecordSpec => ({
  kind: 'call',
  nr: OPENAT,
  ts,
  pid,
  tid: pid,
  vpid: pid,
  start: pid,
  comm: 'x',
  ret: 3,
  path0: '/f',
  ...more,
});

const exit = (pid: number, ts: number, reaper = 1): RecordSpec => ({
  kind: 'exit',
  ts,
  pid,
  tid: pid,
  start: pid,
  comm: 'x',
  leader: 1,
  reaper,
});

test('a fork copies what the parent runs, under the task name of the moment', () => {
  const e = enricher();
  apply(e, exec(10, 100, 'sh', { cgroupPath: '/a' }));
  assert.equal(apply(e, fork(10, 20, 200)), undefined);
  const event = apply(e, open(20, 300, { ppid: 10 }))!;
  assert.equal(event.image.comm, 'c10');
  assert.equal(event.image.exepath, '/bin/sh');
  assert.equal(event.process.sid, 9);
  assert.equal(event.process.tty, 3);
  assert.equal(event.cwd, '/w/');
  assert.equal(event.parent?.pid, 10);
});

test('threads are not processes', () => {
  const e = enricher();
  apply(e, exec(10, 100, 'sh'));
  apply(e, fork(10, 10, 200, { childTid: 11, cloneFlags: 0x10f00 }));
  assert.equal(e.table.size, 1);
});

test('a record of a child that comes before its fork is put right by the fork', () => {
  const e = enricher();
  apply(e, exec(10, 100, 'sh'));
  assert.equal(apply(e, open(20, 300, { ppid: 10, comm: 'sh' }))!.image.exepath, undefined);
  assert.equal(e.unknown, 1);
  apply(e, fork(10, 20, 200));
  assert.equal(apply(e, open(20, 310, { ppid: 10 }))!.image.exepath, '/bin/sh');
});

test('an exec that comes before the fork of its process stays', () => {
  const e = enricher();
  apply(e, exec(10, 100, 'sh'));
  apply(e, exec(20, 300, 'cat', { ppid: 10 }));
  apply(e, fork(10, 20, 200));
  assert.equal(apply(e, open(20, 310, { ppid: 10 }))!.image.comm, 'cat');
  assert.equal(apply(e, open(20, 290, { ppid: 10 }))!.image.comm, 'c10');
});

test('a record from before an exec shows the program from before', () => {
  const e = enricher();
  apply(e, exec(10, 100, 'sh'));
  apply(e, exec(10, 200, 'cat'));
  assert.equal(apply(e, open(10, 150))!.image.comm, 'sh');
  assert.equal(apply(e, open(10, 250))!.image.comm, 'cat');
});

test('children of an ended process have its reaper as parent; late records still find the process', () => {
  const e = enricher();
  apply(e, exec(1, 10, 'init'));
  apply(e, exec(10, 100, 'sh', { ppid: 1 }));
  apply(e, fork(10, 20, 200, { ppid: 1 }));
  apply(e, exit(10, 300));
  const late = apply(e, open(10, 250, { ppid: 1 }))!;
  assert.equal(late.image.comm, 'sh');
  assert.equal(apply(e, open(20, 250, { ppid: 10 }))!.parent?.pid, 10);
  assert.equal(apply(e, open(20, 400, { ppid: 1 }))!.parent?.image.comm, 'init');
});

test('a number that is used again is another process, and late records do not push it out', () => {
  const e = enricher();
  apply(e, exec(10, 100, 'old'));
  apply(e, exit(10, 200));
  apply(e, exec(10, 400, 'new', { start: 300 }));
  assert.equal(apply(e, open(10, 500, { start: 300 }))!.image.comm, 'new');
  assert.equal(apply(e, open(10, 150, { comm: 'old' }))!.image.comm, 'old');
  assert.equal(apply(e, open(10, 600, { start: 300 }))!.image.comm, 'new');
});

test('forks and exits are events when they are wanted', () => {
  const e = enricher({ forkEvents: true, exitEvents: true });
  const forked = apply(e, fork(10, 20, 200))!;
  assert.equal(forked.def.name, 'clone');
  assert.equal(forked.result, 20);
  const ended = apply(e, exit(20, 300))!;
  assert.equal(ended.def.name, 'procexit');
  assert.equal(ended.num, 2);
});

test('calls without an event of their own number are left out', () => {
  const e = enricher();
  assert.equal(apply(e, open(10, 1, { nr: 1020 })), undefined);
});

test('setsid starts a session at once', () => {
  const e = enricher();
  apply(e, exec(10, 100, 'sh'));
  apply(e, open(10, 200, { nr: SETSID, ret: 10 }));
  assert.equal(e.table.byPid(10)!.sid, 10);
  assert.equal(e.table.byPid(10)!.tty, 0);
});

test('an executable in memory is named memfd, a deleted one by its path', () => {
  const e = enricher();
  assert.equal(
    apply(e, exec(10, 1, 'x', { exe: '/memfd:evil (deleted)', exeFlags: 4 }))!.image.exepath,
    'memfd:evil',
  );
  assert.equal(apply(e, exec(10, 2, 'x', { exe: '/tmp/x (deleted)' }))!.image.exepath, '/tmp/x');
});

test('an environment that the kernel cut is known whole though the process has ended since', async () => {
  const child = spawn('sleep', ['60'], { env: { A: 'first', B: 'second' } });
  await once(child, 'spawn');
  const pid = child.pid ?? 0;
  const texts = [true, false].map((environments) => {
    const e = new Enricher({ environments });
    return apply(e, exec(pid, 1, 'sleep', { env: 'A=first', envCut: true }))!.image;
  });
  child.kill('SIGKILL');
  await once(child, 'exit');
  assert.deepEqual(
    texts.map((image) => image.envText(pid, false)),
    ['A=first B=second', 'A=first'],
  );
});

test('an environment that nobody reads later lives as long as the event of its exec', () => {
  const e = enricher({ laterEnvironments: false });
  const record = { env: 'A=1' };
  const first = apply(e, exec(10, 1, 'a', record))!;
  const { image } = first;
  assert.equal(image.envText(10, false), 'A=1');
  apply(e, exec(11, 1, 'b', record));
  assert.equal(image.envText(10, false), undefined);
  const held = apply(e, exec(12, 1, 'c', record))!.hold();
  apply(e, exec(13, 1, 'd', record));
  assert.equal(e.resume(held).image.envText(12, false), 'A=1');
  const kept = apply(enricher(), exec(10, 1, 'a', record))!.image;
  apply(e, exec(11, 1, 'b', record));
  assert.equal(kept.envText(10, false), 'A=1');
});

test('the container follows the cgroup: of the exec, of the fork, and of a move that only the id tells', () => {
  const e = enricher();
  const path = `/system.slice/docker-${ID}.scope`;
  apply(e, exec(10, 100, 'runc', { cgroup: 5, cgroupPath: '/system.slice' }));
  assert.equal(apply(e, open(10, 110, { cgroup: 5 }))!.container?.id, 'host');
  apply(e, fork(10, 20, 200, { cgroup: 5, childCgroup: 7, cgroupPath: path }));
  assert.equal(apply(e, open(20, 210, { cgroup: 7 }))!.container?.id, 'c0c0c0c0c0c0');
  assert.equal(apply(e, open(10, 220, { cgroup: 7 }))!.container?.id, 'c0c0c0c0c0c0');
  assert.equal(apply(e, exec(20, 300, 'sh', { cgroup: 5, cgroupPath: '/' }))!.container?.id, 'host');
});

test('with cgroups of version 1 /proc is asked about processes in a PID namespace only', () => {
  const proc = mkdtempSync(join(tmpdir(), 'rf-proc-'));
  try {
    for (const pid of ['self', '10', '20']) mkdirSync(join(proc, pid));
    writeFileSync(join(proc, 'self/cgroup'), '5:devices:/\n1:name=systemd:/\n');
    for (const pid of [10, 20]) writeFileSync(join(proc, `${pid}/cgroup`), `1:name=systemd:/docker/${ID}\n`);
    const e = enricher({ proc });
    const at = { cgroup: 1, cgroupPath: '/' };
    assert.equal(apply(e, exec(10, 100, 'sh', at))!.container?.id, 'host');
    assert.equal(apply(e, exec(20, 100, 'sh', { ...at, vpid: 1 }))!.container?.id, 'c0c0c0c0c0c0');
  } finally {
    rmSync(proc, { recursive: true });
  }
});

test('an event is held for metadata and evaluated later as it was', async () => {
  let answer: (m: ContainerMetadata | undefined) => void = () => {};
  const runtime: ContainerRuntime = {
    name: 'test',
    types: ['docker'],
    available: true,
    inspect: () => new Promise((resolve) => (answer = resolve)),
    close: () => {},
  };
  const containers = new ContainerRegistry([runtime]);
  const e = enricher({ containers });
  const settled: string[] = [];
  e.onSettled = (container) => settled.push(container.id);
  const event = apply(e, exec(10, 100, 'sh', { cgroup: 7, cgroupPath: `/docker/${ID}` }))!;
  assert.equal(event.pending, true);
  const held = event.hold();
  apply(e, exec(10, 200, 'other', { cgroup: 7, cgroupPath: `/docker/${ID}` }));
  answer({ type: 'docker', fullId: ID, name: 'web', repository: 'nginx' } as ContainerMetadata);
  while (settled.length === 0) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(settled, ['c0c0c0c0c0c0']);
  const again = e.resume(held);
  assert.equal(again.image.comm, 'sh');
  assert.equal(again.num, 1);
  assert.equal(again.ts, 100);
  assert.equal(again.container?.metadata?.name, 'web');
  containers.close();
});

test('processes are read from /proc at the start and on a miss', () => {
  const root = mkdtempSync(join(tmpdir(), 'rf-proc-'));
  try {
    fakeProcess(root, 10, 1, 'a (b) c', 5, ['/usr/bin/a', '-x'], `0::/docker/${ID}\n`);
    const e = enricher({ proc: root });
    assert.equal(e.warmStart(), 1);
    const known = apply(e, open(10, 10 ** 9, { start: 5 * 10_000_000 + 77, ppid: 1 }))!;
    assert.equal(known.image.comm, 'a (b) c');
    assert.equal(known.image.cmdline, 'a (b) c -x');
    assert.equal(known.container?.id, 'c0c0c0c0c0c0');
    assert.equal(known.process.sid, 3);
    assert.equal(known.process.pidnsStart, 5 * 10_000_000);
    assert.equal(e.healed, 0);
    fakeProcess(root, 20, 10, 'late', 9, ['late'], '0::/\n', join(root, '10/stat'));
    const late = apply(e, open(20, 2 * 10 ** 9, { start: 9 * 10_000_000, ppid: 10 }))!;
    assert.equal(late.image.cmdline, 'late');
    assert.equal(late.image.exeMtime, statSync(join(root, '10/stat'), { bigint: true }).mtimeNs);
    assert.equal(e.healed, 1);
    // The number is in use by another process: nothing of that one is taken over.
    assert.equal(
      apply(e, open(20, 3 * 10 ** 9, { start: 500 * 10_000_000, comm: 'new' }))!.image.exepath,
      undefined,
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});

function fakeProcess(
  root: string,
  pid: number,
  ppid: number,
  comm: string,
  ticks: number,
  argv: string[],
  cgroup: string,
  exe = '/usr/bin/a (deleted)',
): void {
  const dir = join(root, String(pid));
  mkdirSync(dir);
  const rest = ['S', ppid, 2, 2, 34816, 0, ...Array<number>(13).fill(0), ticks, 0];
  writeFileSync(join(dir, 'stat'), `${pid} (${comm}) ${rest.join(' ')}\n`);
  writeFileSync(join(dir, 'status'), `Name:\t${comm}\nNSpid:\t${pid}\t1\nNSsid:\t99\t3\nNSpgid:\t2\t2\n`);
  writeFileSync(join(dir, 'cmdline'), `${argv.join('\0')}\0`);
  writeFileSync(join(dir, 'cgroup'), cgroup);
  mkdirSync(join(dir, 'ns'));
  symlinkSync('pid:[4026532000]', join(dir, 'ns/pid'));
  symlinkSync(exe, join(dir, 'exe'));
  symlinkSync('/', join(dir, 'cwd'));
}

test('in any order of records every event has its process, and the same programs in the end', () => {
  // A chain 1 → 2 → … where each process forks the next, runs its own program and opens a file.
  const chain = [2, 3, 4, 5];
  const records: RecordSpec[] = [
    exec(1, 1000, 'p1'),
    ...chain.flatMap((pid) => [
      fork(pid - 1, pid, pid * 100 + 1000, { ppid: pid - 2 }),
      exec(pid, pid * 100 + 1050, `p${pid}`, { ppid: pid - 1 }),
      open(pid, pid * 100 + 1060, { ppid: pid - 1 }),
    ]),
  ];
  const order = fc.shuffledSubarray(records, { minLength: records.length });
  fc.assert(
    fc.property(order, (shuffled) => {
      const e = enricher();
      for (const spec of shuffled) {
        const event = apply(e, spec);
        if (event !== undefined) assert.equal(event.process.pid, event.rec.pid);
      }
      const last = apply(e, open(5, 9000, { ppid: 4 }))!;
      assert.deepEqual(
        [last.process, ...last.ancestors].map((p) => p.image.comm),
        ['p5', 'p4', 'p3', 'p2', 'p1'],
      );
    }),
    { numRuns: 200 },
  );
});
