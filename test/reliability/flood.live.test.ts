import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../src/engine/control/client.ts';
import { query } from '../../src/outputs/audit/query.ts';
import type { SensorStats } from '../../src/sensors/sensor.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { evidence } from './evidence.ts';

const folder = mkdtempSync(join(tmpdir(), 'rf-flood-'));
after(() => rmSync(folder, { recursive: true }));
const program = join(folder, 'rf-flooder');
const child = join(folder, 'rf-child');
const OPENS = 12_000;
const CHILDREN = 25;

/** The kernel must send every open of the flood, since it cannot decide the last literal; no rule matches one. */
const RULES = `- rule: Never
  desc: Matches nothing.
  condition: evt.type = openat and proc.name = rf-flooder and proc.cmdline contains never-opened
  output: x
  priority: INFO
- rule: Child
  desc: The lifecycle that must survive.
  condition: evt.type = execve and proc.name = rf-child
  output: child
  priority: INFO
`;

test('a flood into a small ring while the engine is stopped: each lost event is counted once, no exec is lost', {
  skip: liveSkip(),
}, async () => {
  writeFileSync(child, '#!/bin/sh\n', { mode: 0o700 });
  const lines = [
    '#!/bin/sh',
    `i=0; while [ $i -lt ${CHILDREN} ]; do ${child}; i=$((i+1)); done`,
    `i=0; while [ $i -lt ${OPENS} ]; do : </dev/null; i=$((i+1)); done`,
    `i=0; while [ $i -lt ${CHILDREN} ]; do ${child}; i=$((i+1)); done`,
  ];
  writeFileSync(program, `${lines.join('\n')}\n`, { mode: 0o700 });
  const audit = join(folder, 'audit');
  const engine = await LiveEngine.start({
    rules: RULES,
    config: { sensors: { ring_bytes: 1 << 20 }, outputs: { console: {}, audit: { path: audit } } },
  });
  try {
    engine.process.kill('SIGSTOP');
    await new Promise((resolve) => spawn(program, { stdio: 'ignore' }).once('close', resolve));
    engine.process.kill('SIGCONT');
    const lossAlerts = () =>
      engine.alerts.filter((alert) => alert.rule === 'Ringfence internal: events lost');
    const told = () => lossAlerts().reduce((sum, { output_fields: fields }) => sum + Number(fields.count), 0);
    assert.ok(await engine.until(() => lossAlerts().length > 0, 15_000), 'an alert about the loss');
    const stats = async () => {
      const status = (await ask(engine.socket, 'status')) as { engine: { sensor: SensorStats } };
      return status.engine.sensor;
    };
    await engine.until(() => false, 500);
    const { lostRing, lostPriority, lostSlot } = await stats();
    assert.ok(lostRing > OPENS / 4, `${lostRing} lost`);
    assert.equal(lostPriority, 0, 'the priority ring kept everything');
    assert.ok(
      await engine.until(() => told() >= lostRing + lostSlot, 15_000),
      `${told()} of ${lostRing} told`,
    );
    assert.equal(told(), lostRing + lostSlot, 'not one too many');
    const metrics = (await ask(engine.socket, 'metrics')) as { name: string; value: number }[];
    const dropped = metrics.filter(({ name }) => name === 'ringfence_events_dropped_total');
    assert.equal(
      dropped.reduce((sum, { value }) => sum + value, 0),
      lostRing + lostSlot,
    );
    const { emitted, received, undecodable } = await settled(stats);
    assert.equal(received + undecodable, emitted, 'what the kernel sent has arrived');
    const children = engine.alerts.filter((alert) => alert.rule === 'Child').length;
    assert.equal(children, 2 * CHILDREN);
    const rows = [...query(audit, { kinds: ['loss'] })].map(
      (row) => JSON.parse(row.body) as { count: number },
    );
    assert.equal(
      rows.reduce((sum, { count }) => sum + count, 0),
      told(),
    );
    evidence({
      fault: `${OPENS} opens into a ring of 1 MiB while the engine is stopped (SIGSTOP)`,
      expected: 'each lost event counted once, alert and audit row with the same number, no exec lost',
      result: `${lostRing} lost, all accounted for; ${children} of ${2 * CHILDREN} execs alerted`,
    });
  } finally {
    await engine.stop();
  }
});

/** Other people's events go on: asks until sent and received agree. */
async function settled(stats: () => Promise<SensorStats>): Promise<SensorStats> {
  for (let n = 0; ; n++) {
    const now = await stats();
    if (now.emitted === now.received + now.undecodable || n > 100) return now;
    await sleep(20);
  }
}
