import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { CAPABILITIES, serviceUnit } from '../../src/engine/cli/service-unit.ts';
import { evidence } from './evidence.ts';

const version = spawnSync('systemd-analyze', ['--version'], { encoding: 'utf8' });
const skip = version.status === 0 ? false : 'needs systemd-analyze';
/** `systemd-analyze security` counts from 0 (nothing is allowed) to 10. */
const WORST = 3.5;

for (const pin of [false, true]) {
  test(`systemd accepts the unit ${pin ? 'with pins ' : ''}and rates its exposure as low`, { skip }, () => {
    const folder = mkdtempSync(join(tmpdir(), 'rf-unit-'));
    try {
      const file = join(folder, 'ringfence.service');
      writeFileSync(file, serviceUnit({ program: '/bin/true', config: undefined, pin }));
      const verify = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' });
      assert.deepEqual([verify.status, verify.stderr], [0, '']);
      const rated = spawnSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' });
      const score = Number(/exposure level for \S+: ([\d.]+)/.exec(rated.stdout)?.[1]);
      assert.ok(score <= WORST, `exposure ${score}`);
      const system = version.stdout.split('\n')[0]?.split(' (')[0];
      evidence({
        fault: `the unit of the service${pin ? ' with pins' : ''}, rated by systemd-analyze security`,
        expected: `accepted, exposure ${WORST} at most`,
        result: `${score} of 10 by ${system}; ${Object.keys(CAPABILITIES).join(', ')}`,
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
