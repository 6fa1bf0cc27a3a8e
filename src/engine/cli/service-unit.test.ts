import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAPABILITIES, serviceUnit } from './service-unit.ts';

const plain = serviceUnit({ program: '/bin/true', config: undefined, pin: false });
const version = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const skip = version.status === 0 ? false : 'needs systemd-analyze';
/** `systemd-analyze security` counts from 0 (nothing is allowed) to 10. */
const WORST = 3.5;

test('the bounding set is the table, and memory protection that V8 cannot live with is not set', () => {
  assert.match(plain, new RegExp(`^CapabilityBoundingSet=${Object.keys(CAPABILITIES).join(' ')}$`, 'm'));
  assert.doesNotMatch(plain, /^MemoryDenyWriteExecute/m);
  assert.match(plain, /^Type=notify$/m);
  assert.doesNotMatch(plain, /^ReadWritePaths/m);
});

test('paths with blanks, quotes, percent and dollar signs reach the command line as they are', () => {
  const unit = serviceUnit({ program: '/opt/a b/%n$x', config: '/etc/"q"\nExecStart=/evil', pin: true });
  assert.match(unit, /^ExecStart="\/opt\/a b\/%%n\$\$x" run --config "\/etc\/\\"q\\"\\nExecStart=\/evil"$/m);
  assert.equal(unit.split('\n').filter((line) => line.startsWith('ExecStart=')).length, 1);
  assert.match(unit, /^ReadWritePaths=\/sys\/fs\/bpf$/m);
});

test('systemd accepts the unit and rates its exposure as low', { skip }, (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-unit-'));
  try {
    const file = join(folder, 'ringfence.service');
    writeFileSync(file, plain);
    const verify = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
    assert.deepEqual([verify.status, verify.stderr], [0, '']);
    const rated = spawnSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' });
    const score = Number(/exposure level for \S+: ([\d.]+)/.exec(rated.stdout)?.[1]);
    t.diagnostic(`exposure ${score}`);
    assert.ok(score <= WORST, `exposure ${score}`);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
