import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { ask } from '../../src/engine/control/client.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { evidence, rounds } from './evidence.ts';
import { held, heldBy } from './host.ts';

const ROUNDS = rounds('RINGFENCE_RELOADS', 60);
/** The heap may be anywhere between two collections. */
const SLACK_MB = 60;

const rules = (n: number): string => `- rule: Rule ${n}
  desc: Another in every round.
  condition: evt.type in (openat, ${n % 2 === 0 ? 'openat2' : 'open'}) and fd.name = /etc/rf-reload-${n}
  output: opened %fd.name
  priority: INFO
  enforce: deny
- rule: Always
  desc: The same in every round.
  condition: evt.type = openat and fd.name = /etc/hosts and proc.cmdline contains rf-load
  output: opened
  priority: INFO
`;

test(`${ROUNDS} reloads under load leave descriptors, BPF objects, threads and memory as they were`, {
  skip: liveSkip(),
}, async () => {
  const engine = await LiveEngine.start({ rules: rules(0) });
  const pid = engine.process.pid ?? 0;
  const load = spawn('/bin/sh', ['-c', 'while :; do read -r x </etc/hosts; sleep 0.01; done', 'rf-load']);
  try {
    const reload = async (n: number) => {
      writeFileSync(join(engine.folder, 'rules.yaml'), rules(n));
      await ask(engine.socket, 'reload');
    };
    for (let n = 1; n <= 10; n++) await reload(n);
    const before = { ...(await held(pid)), maps: heldBy(pid).map.size };
    const start = performance.now();
    for (let n = 11; n <= 10 + ROUNDS; n++) await reload(n);
    const each = (performance.now() - start) / ROUNDS;
    const end = { ...(await held(pid)), maps: heldBy(pid).map.size };
    assert.ok(end.fds <= before.fds, `descriptors: ${before.fds} became ${end.fds}`);
    assert.equal(end.bpf, before.bpf, 'BPF objects');
    assert.equal(end.maps, before.maps, 'maps');
    assert.equal(end.threads, before.threads, 'threads');
    assert.ok(end.rssMb <= before.rssMb + SLACK_MB, `memory: ${before.rssMb} MB became ${end.rssMb} MB`);
    const alerts = engine.alerts.length;
    assert.ok(await engine.until(() => engine.alerts.length > alerts, 5000), 'events still reach the rules');
    evidence({
      fault: `${ROUNDS} reloads under load`,
      expected: 'descriptors, BPF objects, threads equal; memory flat; rules go on',
      result: `${end.fds} fds, ${end.bpf} BPF, ${end.threads} threads before and after; ${before.rssMb} → ${end.rssMb} MB; ${each.toFixed(0)} ms each`,
    });
  } finally {
    load.kill('SIGKILL');
    await engine.stop();
  }
});
