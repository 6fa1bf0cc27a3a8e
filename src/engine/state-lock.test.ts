import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { lockState } from './state-lock.ts';

test('one engine has a state folder, until it lets go; without a folder there is nothing to share', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-state-'));
  try {
    const state = join(folder, 'state');
    const release = lockState(state);
    assert.equal(statSync(join(state, 'engine.lock')).mode & 0o777, 0o600);
    assert.throws(() => lockState(state), { code: 'E_ALREADY_RUNNING' });
    release();
    lockState(state)();
    lockState('/proc/nowhere')();
    assert.ok(!existsSync('/proc/nowhere'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
