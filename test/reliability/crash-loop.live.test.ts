import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PIN_DIR, unpinAll } from '../../src/enforce/index.ts';
import { ask } from '../../src/engine/control/client.ts';
import { query } from '../../src/outputs/audit/query.ts';
import { verifyFolder } from '../../src/outputs/audit/verify.ts';
import { probe } from '../../src/sensors/bpf/probe.ts';
import { mountBpffs } from '../lib/bpffs.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { answerOf, Prober } from '../lib/prober.ts';
import { evidence, rounds } from './evidence.ts';
import { type BpfIds, heldBy, stillThere } from './host.ts';

const ROUNDS = rounds('RINGFENCE_CRASH_ROUNDS', 10);
const DENIED = '127.0.14.1';
const RULES = `- rule: Opened
  desc: Something to write.
  condition: evt.type in (open, openat) and fd.name = /etc/hosts and proc.name = cat
  output: opened %fd.name
  priority: INFO
`;
const skip =
  liveSkip() ||
  (probe('cgroup_sock_addr').answer !== 'yes'
    ? 'needs cgroup2'
    : existsSync(PIN_DIR)
      ? 'another engine has pinned its enforcement'
      : false);
const folder = mkdtempSync(join(tmpdir(), 'rf-crash-loop-'));
const audit = join(folder, 'audit');
const unmount = skip === false ? mountBpffs() : () => {};
after(() => {
  if (skip === false) unpinAll();
  unmount();
  rmSync(folder, { recursive: true });
});

const config = {
  mode: 'enforce',
  enforcement: { pin: true },
  outputs: { console: {}, audit: { path: audit } },
  state_dir: join(folder, 'state'),
};

test(`${ROUNDS} times killed, every third time while it starts, with pinned enforcement and audit: no gap, no loss, nothing left`, {
  skip,
}, async () => {
  const first = await LiveEngine.start({ rules: RULES, config });
  await ask(first.socket, 'deny.add', { target: `${DENIED}/32` });
  assert.equal(await answerOf(DENIED), 'EPERM');
  const prober = new Prober(DENIED);
  const held: BpfIds[] = [];
  const seen = new Set<unknown>();
  const starts: number[] = [];
  let engine = first;
  for (let round = 0; round < ROUNDS; round++) {
    held.push(heldBy(engine.process.pid ?? 0));
    const load = spawn('/bin/sh', ['-c', 'while :; do cat /etc/hosts; done'], { stdio: 'ignore' });
    await engine.until(() => engine.alerts.length > 0, 5000);
    await sleep(Math.random() * 300);
    await engine.stop('SIGKILL');
    load.kill('SIGKILL');
    for (const { uuid } of engine.alerts) seen.add(uuid);
    if (round % 3 === 2) {
      const doomed = LiveEngine.spawn({ rules: RULES, config });
      await sleep(Math.random() * (starts.at(-1) ?? 1000));
      await doomed.stop('SIGKILL');
    }
    assert.deepEqual(verifyFolder(audit).problems, []);
    const begin = performance.now();
    engine = await LiveEngine.start({ rules: RULES, config });
    starts.push(performance.now() - begin);
  }
  held.push(heldBy(engine.process.pid ?? 0));
  assert.equal(await engine.stop(), 0);
  assert.equal(await answerOf(DENIED), 'EPERM');
  await prober.end();
  assert.deepEqual(prober.other, [], 'a gap in denial');
  unpinAll();
  // The kernel lets go of a link a moment after its last name.
  for (let n = 0; n < 50 && (await answerOf(DENIED)) === 'EPERM'; n++) await sleep(100);
  assert.equal(await answerOf(DENIED), 'ECONNREFUSED');
  assert.deepEqual(await gone(() => held.flatMap(stillThere)), [], 'BPF objects');
  assert.deepEqual(verifyFolder(audit).problems, []);
  const written = new Set<unknown>([...query(audit, { kinds: ['alert', 'denial'] })].map(({ uuid }) => uuid));
  assert.deepEqual(
    [...seen].filter((uuid) => !written.has(uuid)),
    [],
    'alerts that an output had and the audit has not',
  );
  const [fastest, slowest] = [Math.min(...starts), Math.max(...starts)];
  evidence({
    fault: `kill -9 ${ROUNDS} times, every third time also during the start, enforcement pinned, audit on`,
    expected:
      'denial without a gap; the chain verifies; each alert that was shown is on record; no BPF object left',
    result: `${prober.refused} of ${prober.refused} connections refused; ${seen.size} alerts on record; sees again after ${Math.round(fastest)}–${Math.round(slowest)} ms`,
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
