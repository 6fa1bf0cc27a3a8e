import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { query } from '../../src/outputs/audit/query.ts';
import { verifyFolder } from '../../src/outputs/audit/verify.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { evidence, rounds } from './evidence.ts';
import { heldBy, stillThere } from './host.ts';

const ROUNDS = rounds('RINGFENCE_CRASH_ROUNDS', 3);
const folder = mkdtempSync(join(tmpdir(), 'rf-crash-'));
after(() => rmSync(folder, { recursive: true }));

const RULES = `- rule: Opened
  desc: Something to write.
  condition: evt.type in (open, openat) and fd.name startswith /etc/ and proc.name = cat
  output: opened %fd.name
  priority: INFO
  enforce: deny
`;

test(`${ROUNDS} times killed at a random moment: the audit verifies, no alert is missing, the kernel keeps nothing`, {
  skip: liveSkip(),
}, async () => {
  const audit = join(folder, 'audit');
  const seen = new Set<unknown>();
  const starts: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const begin = performance.now();
    const config = { outputs: { console: {}, audit: { path: audit } }, mode: 'monitor' };
    const engine = await LiveEngine.start({ rules: RULES, config });
    starts.push(performance.now() - begin);
    const held = heldBy(engine.process.pid ?? 0);
    assert.ok(held.prog.size > 3 && held.map.size > 5, 'it holds programs and maps');
    const load = spawn('/bin/sh', ['-c', 'while :; do cat /etc/hosts; done'], { stdio: 'ignore' });
    await engine.until(() => engine.alerts.length > 0, 5000);
    await sleep(Math.random() * 500);
    await engine.stop('SIGKILL');
    load.kill('SIGKILL');
    for (const alert of engine.alerts) seen.add(alert.uuid);
    assert.deepEqual(await gone(() => stillThere(held)), [], 'BPF objects');
    assert.deepEqual(verifyFolder(audit).problems, []);
  }
  const written = new Set<unknown>([...query(audit, { kinds: ['alert', 'denial'] })].map((row) => row.uuid));
  assert.deepEqual(
    [...seen].filter((uuid) => !written.has(uuid)),
    [],
  );
  assert.ok(seen.size >= ROUNDS, `${seen.size} alerts`);
  evidence({
    fault: `kill -9 at a random moment, ${ROUNDS} times, then restart`,
    expected: 'the chain verifies, no alert missing, no BPF object left',
    result: `${seen.size} alerts all on record; ready again in ${Math.round(Math.min(...starts))}–${Math.round(Math.max(...starts))} ms`,
  });
});

/** The kernel frees some objects a while after the last reference. */
async function gone(list: () => string[]): Promise<string[]> {
  for (let n = 0; n < 50; n++) {
    if (list().length === 0) return [];
    await sleep(100);
  }
  return list();
}
