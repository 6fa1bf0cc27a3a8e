import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syscallNumber } from '../events/syscalls.ts';
import { RF_CAPTURE_FLAG as F, RF_OP } from '../record/layout.gen.ts';
import { type CaptureNeed, planCapture } from './capture-plan.ts';

const nr = (name: string): number => syscallNumber(name, 'x64')!;

test('only the calls that somebody needs are attached', () => {
  const plan = planCapture([{ events: ['openat', 'connect'], fields: ['fd.name'] }], 'x64');
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
      { events: ['openat'], fields: [], failed: false },
      { events: ['unlink'], fields: [], ok: false },
      { events: ['mkdir'], fields: [], failed: false },
      { events: ['mkdir'], fields: [], ok: false },
    ],
    'x64',
  );
  assert.equal(plan.capture.get(nr('openat'))!.flags, F.OK);
  assert.equal(plan.capture.get(nr('unlink'))!.flags, F.FAILED);
  assert.equal(plan.capture.get(nr('mkdir'))!.flags, F.OK | F.FAILED);
  const none = planCapture([{ events: ['openat'], fields: [], ok: false, failed: false }], 'x64');
  assert.deepEqual(none.tracepoints, []);
});

test('a successful exec comes from the lifecycle: the call is captured for its failures alone', () => {
  const plan = planCapture([{ events: ['execve', 'execveat'], fields: [] }], 'x64');
  assert.equal(plan.capture.get(nr('execve'))!.flags, F.FAILED | F.ARGV);
  assert.deepEqual(planCapture([{ events: ['execve'], fields: [], failed: false }], 'x64').tracepoints, []);
});

test('the bytes of messages are copied only where a rule reads them', () => {
  const row = (fields: string[]): number | undefined =>
    planCapture([{ events: ['sendto'], fields }], 'x64').capture.get(nr('sendto'))!.data;
  assert.equal(row(['fd.name']), undefined);
  assert.equal(row(['evt.buffer']), 1);
  assert.equal(row(['evt.args']), 1);
  assert.equal(row(['evt.arg.data']), 1);
  assert.equal(row(['evt.arg.size']), undefined);
  assert.equal(planCapture([{ events: ['openat2'], fields: [] }], 'x64').capture.get(nr('openat2'))!.data, 2);
});

test('the working directory is copied on the events whose rules read it', () => {
  const plan = planCapture(
    [
      { events: ['openat'], fields: ['proc.cwd'] },
      { events: ['connect'], fields: ['fd.name'] },
    ],
    'x64',
  );
  assert.equal(plan.capture.get(nr('openat'))!.flags & F.CWD, F.CWD);
  assert.equal(plan.capture.get(nr('connect'))!.flags & F.CWD, 0);
});

test('session fields bring setsid with them', () => {
  const plan = planCapture([{ events: ['execve'], fields: ['proc.sname'], failed: false }], 'x64');
  assert.deepEqual(plan.tracepoints, ['setsid']);
});

test('forks and exits are told apart from calls, and what the architecture lacks is named', () => {
  const plan = planCapture([{ events: ['clone', 'procexit', 'open', 'fork'], fields: [] }], 'arm64');
  assert.equal(plan.wants.forkEvents, true);
  assert.equal(plan.wants.exitEvents, true);
  assert.deepEqual(plan.tracepoints, []);
  assert.deepEqual(plan.unavailable, ['open']);
});

test('environments are wanted when a field reads them', () => {
  const plan = (fields: string[]): boolean =>
    planCapture([{ events: ['execve'], fields }], 'x64').wants.environments;
  assert.equal(plan(['proc.env']), true);
  assert.equal(plan(['proc.aenv[2]']), true);
  assert.equal(plan(['proc.exe']), false);
});

test('environments are kept after the exec when somebody reads them then', () => {
  const later = (need: Partial<CaptureNeed>): boolean =>
    planCapture([{ events: ['execve'], fields: ['proc.env'], failed: false, ...need }], 'x64').wants
      .laterEnvironments;
  assert.equal(later({}), false);
  assert.equal(later({ events: ['execve', 'connect'] }), true);
  assert.equal(later({ failed: true }), true);
  assert.equal(later({ fields: ['proc.aenv[1]'] }), true);
  assert.equal(later({ events: ['connect'], fields: ['proc.name'] }), false);
});
