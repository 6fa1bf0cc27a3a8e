import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Image } from './image.ts';
import { TICK_NS } from './proc-fs.ts';
import { Process, ProcessTable } from './process.ts';

const image = (comm: string): Image =>
  new Image({ comm, argv: `${comm}\0`, env: '', exepath: `/bin/${comm}`, since: 0 });

function make(table: ProcessTable, pid: number, ppid: number, start: number): Process {
  const process = new Process(pid, start, true, image(`p${pid}`));
  process.ppid = ppid;
  table.add(process);
  return process;
}

test('ancestors are walked upward to the first gap', () => {
  const table = new ProcessTable();
  make(table, 1, 0, 0);
  make(table, 10, 1, 100);
  const child = make(table, 20, 10, 200);
  const lost = make(table, 30, 25, 300);
  assert.deepEqual(
    table.ancestors(child, 400).map((p) => p.pid),
    [10, 1],
  );
  assert.equal(table.ancestor(child, 2, 400)?.pid, 1);
  assert.equal(table.ancestor(child, 3, 400), undefined);
  assert.deepEqual(table.ancestors(lost, 400), []);
});

test('children of an ended process belong to its reaper, but not before the end', () => {
  const table = new ProcessTable();
  make(table, 1, 0, 0);
  make(table, 5, 1, 50);
  const parent = make(table, 10, 5, 100);
  const child = make(table, 20, 10, 200);
  assert.equal(table.parentOf(child, 300)?.pid, 10);
  table.end(parent, 400, 5);
  assert.equal(table.parentOf(child, 350)?.pid, 10);
  assert.equal(table.parentOf(child, 400)?.pid, 5);
  assert.equal(child.ppid, 5);
});

test('a chain of ended parents leads to the last reaper', () => {
  const table = new ProcessTable();
  make(table, 1, 0, 0);
  const a = make(table, 10, 1, 100);
  const b = make(table, 20, 10, 200);
  const c = make(table, 30, 20, 300);
  table.end(b, 400, 10);
  table.end(a, 500, 1);
  assert.equal(table.parentOf(c, 600)?.pid, 1);
});

test('a number that another process took over is not the parent', () => {
  const table = new ProcessTable();
  const child = make(table, 20, 10, 200);
  make(table, 10, 1, 200 + 10 * TICK_NS);
  assert.equal(table.parentOf(child, 10 ** 9), undefined);
});

test('a process is found by number and start, to a tick where the start is only known so well', () => {
  const table = new ProcessTable();
  const exact = make(table, 10, 1, 12345);
  assert.equal(table.find(10, 12345), exact);
  assert.equal(table.find(10, 12346), undefined);
  const rough = new Process(11, 5 * TICK_NS, false, image('x'));
  table.add(rough);
  assert.equal(table.find(11, 5 * TICK_NS + 1234), rough);
  assert.equal(rough.start, 5 * TICK_NS + 1234);
  assert.equal(table.find(11, 5 * TICK_NS), undefined);
});

test('a loop of parents ends the walk', () => {
  const table = new ProcessTable();
  const a = make(table, 10, 20, 100);
  make(table, 20, 10, 100);
  assert.deepEqual(
    table.ancestors(a, 200).map((p) => p.pid),
    [20],
  );
  const own = make(table, 30, 30, 100);
  assert.equal(table.parentOf(own, 200), undefined);
});

test('ended processes are kept for late records, and go after a while', () => {
  const table = new ProcessTable({ retention: 1000 });
  const ended = make(table, 10, 1, 100);
  table.end(ended, 500, 1);
  table.expire(1400);
  assert.equal(table.byPid(10), ended);
  table.expire(1500);
  assert.equal(table.byPid(10), undefined);
});

test('room is made from ended processes and from those that are gone, before any live one', () => {
  const alive = new Set<number>();
  const table = new ProcessTable({ limit: 10, exists: (pid) => alive.has(pid) });
  for (let pid = 1; pid <= 8; pid++) {
    make(table, pid, 0, pid);
    alive.add(pid);
  }
  table.end(make(table, 100, 1, 100), 200, 1);
  make(table, 101, 1, 101); // its end was never seen
  make(table, 102, 1, 102);
  alive.add(102);
  assert.equal(table.byPid(100), undefined);
  make(table, 103, 1, 103);
  alive.add(103);
  for (let pid = 1; pid <= 8; pid++) assert.ok(table.byPid(pid), String(pid));
  assert.equal(table.byPid(101), undefined);
  assert.equal(table.evicted, 0);
});

test('live processes are only given up beyond twice the limit', () => {
  const table = new ProcessTable({ limit: 10, exists: () => true });
  for (let pid = 1; pid <= 30; pid++) make(table, pid, 0, pid);
  assert.equal(table.size, 20);
  assert.equal(table.evicted, 10);
});

test('a process that no record told of is asked for once', () => {
  const asked: number[] = [];
  const table = new ProcessTable({
    heal: (pid) => {
      asked.push(pid);
      return new Process(pid, 0, false, image('healed'));
    },
  });
  const child = make(table, 20, 10, 100);
  assert.equal(table.parentOf(child, 200)?.image.comm, 'healed');
  assert.equal(table.parentOf(child, 300)?.pid, 10);
  assert.deepEqual(asked, [10]);
});

test('the program of the time is shown to records that come after an exec', () => {
  const process = new Process(1, 0, true, image('sh'));
  process.exec(new Image({ comm: 'cat', argv: 'cat\0', env: '', exepath: '/bin/cat', since: 500 }));
  assert.equal(process.imageAt(499).comm, 'sh');
  assert.equal(process.imageAt(500).comm, 'cat');
});

test('with any order of forks and ends, walks end, the table stays bounded and parents are older', () => {
  const step = fc.record({
    fork: fc.boolean(),
    pid: fc.integer({ min: 2, max: 20 }),
    ppid: fc.integer({ min: 1, max: 20 }),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const table = new ProcessTable({ limit: 15, retention: 50 * TICK_NS, exists: () => true });
      make(table, 1, 0, 0);
      let now = TICK_NS;
      for (const { fork, pid, ppid } of steps) {
        now += 5 * TICK_NS;
        const found = table.byPid(pid);
        if (fork && (found === undefined || !found.alive)) make(table, pid, ppid, now);
        else if (!fork && found !== undefined) table.end(found, now, 1);
        table.expire(now);
        assert.ok(table.size <= 30);
        for (const process of table.all()) {
          const chain = table.ancestors(process, now);
          assert.ok(chain.length <= 30);
          for (const ancestor of chain) assert.notEqual(ancestor, process);
        }
      }
    }),
    { numRuns: 200 },
  );
});
