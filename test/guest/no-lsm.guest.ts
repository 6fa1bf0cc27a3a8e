import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { configureTiers, planTiers, refusedBy } from '../../src/enforce/kernel/tiers.ts';
import { probe } from '../../src/sensors/bpf/probe.ts';
import { loadObject } from '../../src/sensors/loader.ts';
import { projectRoot } from './host.ts';

/** A kernel that was booted without `bpf` in lsm=, as distributions do; test/enforce.live.test.ts runs after it. */
test('BPF is not among the security modules, as the command line asked', () => {
  assert.match(readFileSync('/proc/cmdline', 'utf8'), /lsm=/);
  assert.ok(!readFileSync('/sys/kernel/security/lsm', 'utf8').split(',').includes('bpf'));
});

test('the ladder takes fmod_ret by itself, the probe says why not lsm, and it refuses everything by it', () => {
  const tiers = planTiers();
  assert.deepEqual([tiers.files, tiers.exec, tiers.network], ['fmod_ret', 'fmod_ret', 'fmod_ret']);
  assert.match(probe('lsm').why ?? '', /^BPF is not among the active security modules/);
  for (const operation of ['open', 'exec', 'connect', 'bind', 'unlink', 'mount', 'module'])
    assert.equal(refusedBy(tiers, operation, 'deny'), 'fmod_ret', operation);
});

test('the programs of the tier above load as well, though they would never run', () => {
  const tiers = planTiers({ ask: () => ({ answer: 'yes' }) });
  assert.equal(tiers.files, 'lsm');
  const programs = new Set(tiers.hooks);
  const configure = (object: Parameters<typeof configureTiers>[0]): void => configureTiers(object, tiers);
  loadObject({ programs, ringBytes: 4096, priorityRingBytes: 4096, configure }).close();
});

test('doctor shows the tier, and what to do for the one above', () => {
  const { stdout } = spawnSync(join(projectRoot, 'bin/ringfence'), ['doctor', '--json'], {
    encoding: 'utf8',
    env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' },
  });
  const { checks } = JSON.parse(stdout) as { checks: { title: string; status: string; found: string }[] };
  const of = (title: string) => checks.find((check) => check.title === title);
  assert.equal(of('Tier fmod_ret')?.status, 'ok');
  assert.match(of('Tier lsm')?.found ?? '', /lsm=/);
});
