import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ask } from '../../src/engine/control/client.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { evidence, rounds } from './evidence.ts';
import { held } from './host.ts';

const SHORT_LIVED = rounds('RINGFENCE_SHORT_LIVED', 2000);
const DEPTH = 150;
const TABLE = 1024;
const SLACK_MB = 60;
const folder = mkdtempSync(join(tmpdir(), 'rf-exhaust-'));
after(() => rmSync(folder, { recursive: true }));
const deep = join(folder, 'rf-deep');

const RULES = `- rule: Deep
  desc: Reads far up the ancestry.
  condition: evt.type = execve and proc.cmdline contains rf-deep-end
  output: deep below %proc.aname[3] args=%proc.cmdline
  priority: INFO
`;

test('many short-lived processes, a deep ancestry and a huge command line: bounded memory, and it goes on', {
  skip: liveSkip(),
}, async () => {
  const step = `#!/bin/sh\n[ "$1" -gt 0 ] && { ${deep} $(($1 - 1)); exit $?; }\n/bin/true rf-deep-end\n`;
  writeFileSync(deep, step, { mode: 0o700 });
  const engine = await LiveEngine.start({
    rules: RULES,
    config: { process_table: { max_processes: TABLE } },
  });
  try {
    const pid = engine.process.pid ?? 0;
    // It answers once everything that it loads after the start is loaded.
    await ask(engine.socket, 'status');
    const before = await held(pid);
    const loop = `i=0; while [ $i -lt ${SHORT_LIVED} ]; do /bin/true; i=$((i+1)); done`;
    await new Promise((resolve) => spawn('/bin/sh', ['-c', loop]).once('close', resolve));
    spawnSync(deep, [String(DEPTH)]);
    spawnSync('/bin/true', ['x'.repeat(120_000), 'rf-deep-end']);
    const found = () => engine.alerts.some((alert) => alert.output.includes('below rf-deep'));
    assert.ok(await engine.until(found, 10_000), 'the end of the chain is seen with its ancestors');
    const { engine: inner } = (await ask(engine.socket, 'status')) as { engine: { processes: number } };
    assert.ok(inner.processes <= TABLE, `${inner.processes} processes in the table`);
    const end = await held(pid);
    assert.ok(end.rssMb <= before.rssMb + SLACK_MB, `memory: ${before.rssMb} MB became ${end.rssMb} MB`);
    assert.ok(end.fds <= before.fds + 1, `descriptors: ${before.fds} became ${end.fds}`);
    const lost = engine.alerts.filter((alert) => alert.rule === 'Ringfence internal: events lost');
    assert.deepEqual(lost, []);
    evidence({
      fault: `${SHORT_LIVED} short-lived processes, ${DEPTH} generations, a command line of 120 kB`,
      expected: `at most ${TABLE} processes in the table, memory bounded, nothing lost`,
      result: `${inner.processes} in the table; ${before.rssMb} → ${end.rssMb} MB`,
    });
  } finally {
    await engine.stop();
  }
});
