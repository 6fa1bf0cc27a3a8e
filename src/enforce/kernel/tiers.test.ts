import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BIND_PROGRAMS, LIST_PROGRAMS, WALL_PROGRAMS } from './network-wall.ts';
import { refusals, refusedBy, type TierPlan } from './tiers.ts';

/** A machine without security hooks. */
const plan: TierPlan = {
  files: 'signal',
  exec: 'signal',
  network: 'cgroup',
  hooks: [],
  wall: [...WALL_PROGRAMS, ...BIND_PROGRAMS],
  cgroup: '/sys/fs/cgroup',
};
const NETWORK = ['connect', 'send', 'bind'];

test('without security hooks the network is refused, files are killed for, and users are observed', () => {
  for (const operation of NETWORK) assert.equal(refusedBy(plan, operation, 'deny'), 'cgroup', operation);
  assert.equal(refusedBy(plan, 'exec', 'deny'), 'signal');
  assert.deepEqual(
    refusals(plan).flatMap(({ operation, kill }) => (kill === undefined ? [operation] : [])),
    ['setuid'],
  );
  assert.equal(refusedBy(plan, 'open', 'deny'), undefined);
});

test('where the wall knows the deny list alone, no rule on the network refuses anything', () => {
  const lists = { ...plan, wall: LIST_PROGRAMS };
  for (const operation of NETWORK)
    for (const action of ['deny', 'kill'] as const)
      assert.equal(refusedBy(lists, operation, action), undefined, `${action} ${operation}`);
  assert.equal(refusedBy({ ...lists, network: 'lsm' }, 'connect', 'deny'), 'lsm');
});
