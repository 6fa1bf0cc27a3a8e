import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { recordOf } from '../../sensors/record/build-record.ts';
import { Enricher } from '../enrich/enricher.ts';
import { TopCounts } from './top-counts.ts';

const OPENAT = syscallNumber('openat')!;

function open(enricher: Enricher, path: string): void {
  const rec = recordOf({
    kind: 'call',
    nr: OPENAT,
    pid: 5,
    tid: 5,
    start: 1,
    comm: 'cat',
    ret: 3,
    path0: path,
    fdType: 1,
  });
  counts.add(enricher.apply(rec)!);
}

const counts = new TopCounts();

test('the busiest files come first, and every event counts for its call', () => {
  const enricher = new Enricher({ proc: undefined });
  for (const path of ['/a', '/b', '/b', '/c', '/b', '/a']) open(enricher, path);
  assert.deepEqual(counts.busiest('files', 2), [
    { key: '/b', count: 3 },
    { key: '/a', count: 2 },
  ]);
  assert.deepEqual(counts.busiest('calls', 5), [{ key: 'openat', count: 6 }]);
  assert.equal(counts.events, 6);
});

test('a flood of different files stays bounded and keeps the busy ones', () => {
  const enricher = new Enricher({ proc: undefined });
  counts.clear();
  for (let i = 0; i < 45_000; i++) {
    open(enricher, `/tmp/${i}`);
    if (i % 3 === 0) open(enricher, '/busy');
  }
  assert.deepEqual(counts.busiest('files', 1), [{ key: '/busy', count: 15_000 }]);
  assert.ok(counts.busiest('files', 1e9).length <= 20_001);
});
