import assert from 'node:assert/strict';
import { test } from 'node:test';
import { planTiers, refusals } from '../../enforce/index.ts';
import type { Feature } from '../../sensors/bpf/probe.ts';
import { refusalFinding } from './kernel.ts';

const on = (...features: Feature[]): ReturnType<typeof refusalFinding> =>
  refusalFinding(
    refusals(planTiers({ ask: (f) => ({ answer: features.includes(f) ? 'yes' : 'no', why: 'not here' }) })),
  );

test('the doctor says of each operation how rules can refuse it here', () => {
  const { status, found } = on('lsm', 'cgroup_sock_addr', 'signal');
  assert.equal(status, 'ok');
  for (const operation of [
    'bind',
    'unlink',
    'rename',
    'link',
    'mkdir',
    'symlink',
    'setuid',
    'mount',
    'module',
    'ptrace',
  ])
    assert.match(found, new RegExp(`^lsm: .*\\b${operation}\\b`));
  assert.match(on('fmod_ret', 'signal').found, /^fmod_ret: /);
});

test('where there are no security hooks it says what can only be killed, or seen', () => {
  const signal = on('cgroup_sock_addr', 'signal');
  assert.equal(signal.status, 'warn');
  assert.match(signal.found, /cgroup: connect/);
  assert.match(signal.found, /only `enforce: kill`, signal: open,/);
  assert.match(on().found, /^observed only: exec, open, /);
});
