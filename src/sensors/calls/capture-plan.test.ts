import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syscallNumber } from '../events/syscalls.ts';
import { RF_CAPTURE_FLAG as F, RF_OP, RF_SPARE } from '../record/layout.gen.ts';
import { type CaptureNeed, type OnDemand, planCapture } from './capture-plan.ts';

const nr = (name: string): number => syscallNumber(name, 'x64')!;

test('only the calls that somebody needs are attached', () => {
  const plan = planCapture([{ events: ['openat', 'connect'], reads: [] }], 'x64');
  assert.deepEqual([...plan.tracepoints].sort(), ['connect', 'openat']);
  assert.deepEqual(plan.capture.get(nr('openat')), {
    path: [1],
    dirfd: [0],
    fd: 6,
    flags: F.OK | F.FAILED,
    op: RF_OP.OPEN,
  });
  assert.deepEqual(planCapture([], 'x64').tracepoints, []);
});

test('failures, or successes, are left out when no rule can match them', () => {
  const plan = planCapture(
    [
      { events: ['openat'], reads: [], failed: false },
      { events: ['unlink'], reads: [], ok: false },
      { events: ['mkdir'], reads: [], failed: false },
      { events: ['mkdir'], reads: [], ok: false },
    ],
    'x64',
  );
  assert.equal(plan.capture.get(nr('openat'))!.flags, F.OK);
  assert.equal(plan.capture.get(nr('unlink'))!.flags, F.FAILED);
  assert.equal(plan.capture.get(nr('mkdir'))!.flags, F.OK | F.FAILED);
  const none = planCapture([{ events: ['openat'], reads: [], ok: false, failed: false }], 'x64');
  assert.deepEqual(none.tracepoints, []);
});

test('a successful exec comes from the lifecycle: the call is captured for its failures alone', () => {
  const plan = planCapture([{ events: ['execve', 'execveat'], reads: [] }], 'x64');
  assert.equal(plan.capture.get(nr('execve'))!.flags, F.FAILED | F.ARGV);
  assert.deepEqual(planCapture([{ events: ['execve'], reads: [], failed: false }], 'x64').tracepoints, []);
});

test('the bytes of messages are copied only where a rule reads them', () => {
  const row = (reads: OnDemand[]): number | undefined =>
    planCapture([{ events: ['sendto'], reads }], 'x64').capture.get(nr('sendto'))!.data;
  assert.equal(row([]), undefined);
  assert.equal(row(['cwd', 'session', 'env', 'ancestorEnv', 'execEnv']), undefined);
  assert.equal(row(['buffer']), 1);
  assert.equal(planCapture([{ events: ['openat2'], reads: [] }], 'x64').capture.get(nr('openat2'))!.data, 2);
});

test('the working directory is copied on the events whose rules read it', () => {
  const plan = planCapture(
    [
      { events: ['openat'], reads: ['cwd'] },
      { events: ['connect'], reads: [] },
    ],
    'x64',
  );
  assert.equal(plan.capture.get(nr('openat'))!.flags & F.CWD, F.CWD);
  assert.equal(plan.capture.get(nr('connect'))!.flags & F.CWD, 0);
});

test('session fields bring setsid with them', () => {
  const plan = planCapture([{ events: ['execve'], reads: ['session'], failed: false }], 'x64');
  assert.deepEqual(plan.tracepoints, ['setsid']);
});

test('forks and exits are told apart from calls, and what the architecture lacks is named', () => {
  const plan = planCapture([{ events: ['clone', 'procexit', 'open', 'fork'], reads: [] }], 'arm64');
  assert.equal(plan.wants.forkEvents, true);
  assert.equal(plan.wants.exitEvents, true);
  assert.deepEqual(plan.tracepoints, []);
  assert.deepEqual(plan.unavailable, ['open']);
});

test('environments are wanted when a field reads them', () => {
  const plan = (reads: OnDemand[]): [boolean, boolean] => {
    const { wants, spare } = planCapture([{ events: ['execve'], reads }], 'x64');
    return [wants.environments, (spare & RF_SPARE.ENV) !== 0];
  };
  assert.deepEqual(plan(['env']), [true, false]);
  assert.deepEqual(plan(['ancestorEnv']), [true, false]);
  assert.deepEqual(plan(['execEnv']), [false, false]);
  assert.deepEqual(plan(['cwd']), [false, true]);
});

test('environments are kept after the exec when somebody reads them then', () => {
  const later = (need: Partial<CaptureNeed>): boolean =>
    planCapture([{ events: ['execve'], reads: ['env'], failed: false, ...need }], 'x64').wants
      .laterEnvironments;
  assert.equal(later({}), false);
  assert.equal(later({ events: ['execve', 'connect'] }), true);
  assert.equal(later({ failed: true }), true);
  assert.equal(later({ reads: ['ancestorEnv'] }), true);
  assert.equal(later({ events: ['connect'], reads: [] }), false);
});
