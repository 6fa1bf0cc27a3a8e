import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectNats } from 'nats';
import { ask } from '../../src/engine/control/client.ts';
import { parseDuration } from '../../src/engine/core/units.ts';
import { query } from '../../src/outputs/audit/query.ts';
import { verifyFolder } from '../../src/outputs/audit/verify.ts';
import { NO_NATS, TestNatsServer } from '../../src/outputs/testing/nats-server.ts';
import { probe } from '../../src/sensors/bpf/probe.ts';
import type { SensorStats } from '../../src/sensors/sensor.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { answerOf } from '../lib/prober.ts';
import { evidence } from './evidence.ts';
import { holdings } from './host.ts';

/** One engine, one fault after another, for as long as RINGFENCE_SOAK says; each kind of fault once by default. */
const SOAK_MS = parseDuration(process.env.RINGFENCE_SOAK ?? '0s') ?? 0;
const SLACK_MB = 80;
/** Of a long run, how far the middle of the last quarter's memory may be above that of the second quarter. */
const GROWTH_MB = 12;
const LONG_MS = 600_000;
const DENIED = '127.0.15.1';
const FLOOD = SOAK_MS > 0 ? 20_000 : 6000;
const ENTRIES = SOAK_MS > 0 ? 500 : 100;
const skip = liveSkip() || (probe('cgroup_sock_addr').answer !== 'yes' ? 'needs cgroup2' : false);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-soak-'));
const audit = path.join(folder, 'audit');
const marker = path.join(folder, 'rf-marker');
const RULES = `- rule: Marked
  desc: Whether it still sees.
  condition: evt.type = execve and proc.exepath = ${marker}
  output: marked %proc.cmdline
  priority: INFO
- rule: Never
  desc: Matches nothing, and the kernel cannot know.
  condition: evt.type = openat and proc.name = rf-flooder and proc.cmdline contains never-opened
  output: x
  priority: INFO
`;

/** A server for alerts that can misbehave. */
class Receiver {
  mode: 'good' | 'hangs' | 'fails' = 'good';
  got = 0;
  readonly #server: Server;
  private constructor(server: Server) {
    this.#server = server;
  }
  static async start(): Promise<Receiver> {
    const server = createServer();
    const receiver = new Receiver(server);
    server.on('request', (request, response) => {
      request.resume();
      if (receiver.mode === 'hangs') return;
      receiver.got++;
      response.writeHead(receiver.mode === 'fails' ? 500 : 200).end();
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }
  close(): void {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

const mounted = skip === false;
if (mounted) {
  fs.mkdirSync(audit);
  // A minute of faults writes 6 MB: only the fault is to fill the disk.
  const size = 64 + 16 * Math.ceil(SOAK_MS / 60_000);
  spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${size}m`, 'rf-soak', audit]);
}
after(() => {
  if (mounted) spawnSync('umount', [audit]);
  fs.rmSync(folder, { recursive: true });
});

interface Subject {
  readonly engine: LiveEngine;
  readonly receiver: Receiver;
  readonly bus: TestNatsServer | undefined;
}

const STREAM = 'RINGFENCE_ALERTS';

/** How many alerts the stream holds. */
async function stored(bus: TestNatsServer): Promise<number> {
  const connection = await connectNats({ servers: bus.url });
  const { state } = await (await connection.jetstreamManager()).streams.info(STREAM);
  await connection.close();
  return state.messages;
}

const run = (command: string, ...args: string[]): Promise<unknown> =>
  new Promise((resolve) => spawn(command, args, { stdio: 'ignore' }).once('close', resolve));

const FAULTS: Readonly<Record<string, (subject: Subject) => Promise<void>>> = {
  async 'frozen while others open files'({ engine }) {
    engine.process.kill('SIGSTOP');
    await run(path.join(folder, 'rf-flooder'));
    engine.process.kill('SIGCONT');
  },
  async 'a valid reload'({ engine }) {
    fs.appendFileSync(path.join(engine.folder, 'rules.yaml'), '#\n');
    await ask(engine.socket, 'reload');
  },
  async 'a broken reload'({ engine }) {
    const file = path.join(engine.folder, 'rules.yaml');
    const good = fs.readFileSync(file);
    fs.writeFileSync(file, '- rule: Broken\n  condition: evt.typ = open\n');
    await assert.rejects(ask(engine.socket, 'reload'), { code: 'E_RULES' });
    fs.writeFileSync(file, good);
  },
  async 'many short-lived processes'() {
    await run('/bin/sh', '-c', 'i=0; while [ $i -lt 300 ]; do /bin/true; i=$((i+1)); done');
  },
  async 'bad clients at the control socket'({ engine }) {
    const clients = Array.from({ length: 60 }, () => connect(engine.socket).on('error', () => {}));
    for (const [i, client] of clients.entries()) if (i % 2 === 0) client.write('{"id":1,\n\0garbage\n[]\n');
    await sleep(200);
    for (const client of clients) client.destroy();
  },
  async 'an output that hangs'({ receiver }) {
    receiver.mode = 'hangs';
    for (let n = 0; n < 5; n++) await run(marker);
    await sleep(500);
    receiver.mode = 'good';
  },
  async 'an output that fails'({ receiver }) {
    receiver.mode = 'fails';
    for (let n = 0; n < 5; n++) await run(marker);
    receiver.mode = 'good';
  },
  async 'the NATS server killed and started anew'({ bus }) {
    await bus?.kill();
    for (let n = 0; n < 5; n++) await run(marker);
    await bus?.start();
  },
  async 'a full disk below the audit'() {
    const ballast = path.join(audit, 'ballast');
    await run('dd', 'if=/dev/zero', `of=${ballast}`, 'bs=64k');
    for (let n = 0; n < 5; n++) await run(marker);
    await sleep(500);
    fs.rmSync(ballast, { force: true });
  },
  async 'many deny entries come and go'({ engine }) {
    const text = Array.from({ length: ENTRIES }, (_, i) => `198.18.${i >> 8}.${i & 255}`).join('\n');
    await ask(engine.socket, 'deny.import', { text, source: 'soak' });
    for (const { id, source } of (await ask(engine.socket, 'deny.list')) as { id: number; source: string }[])
      if (source === 'soak') await ask(engine.socket, 'deny.remove', { what: id });
  },
};

interface Status {
  readonly engine: { readonly canary: { readonly ok: boolean }; readonly sensor: SensorStats };
}

/** After a fault: it sees, refuses, answers, and its canary is well. */
async function isWell({ engine }: Subject, fault: string): Promise<void> {
  const token = `after-${Math.random()}`;
  spawnSync(marker, [token]);
  const seen = () => engine.alerts.some(({ output }) => output.includes(token));
  assert.ok(await engine.until(seen, 10_000), `it sees after: ${fault}`);
  assert.equal(await answerOf(DENIED), 'EPERM', `it refuses after: ${fault}`);
  const well = async (): Promise<boolean> =>
    ((await ask(engine.socket, 'status')) as Status).engine.canary.ok;
  for (let n = 0; n < 100 && !(await well()); n++) await sleep(100);
  assert.ok(await well(), `the canary is well after: ${fault}`);
}

/** The middle of a quarter of the values; the first is 0. */
function quarter(values: readonly number[], which: number): number {
  const part = values.slice(Math.floor((values.length * which) / 4)).slice(0, Math.ceil(values.length / 4));
  return part.sort((a, b) => a - b)[part.length >> 1] ?? Number.NaN;
}

test(`faults injected for ${SOAK_MS / 60_000} min: after each it sees, refuses and answers; nothing grows, nothing is lost untold`, {
  skip,
}, async () => {
  fs.copyFileSync('/usr/bin/true', marker);
  const flooder = `#!/bin/sh\ni=0; while [ $i -lt ${FLOOD} ]; do : </dev/null; i=$((i+1)); done\n`;
  fs.writeFileSync(path.join(folder, 'rf-flooder'), flooder, { mode: 0o700 });
  const receiver = await Receiver.start();
  const bus = NO_NATS === false ? await TestNatsServer.start(folder) : undefined;
  const engine = await LiveEngine.start({
    rules: RULES,
    config: {
      mode: 'enforce',
      // The test changes the rules, which others may not.
      enforcement: { self_protection: false },
      canary: { interval: '500ms' },
      rollup: { after: 1_000_000_000 },
      sensors: { ring_bytes: 1 << 20 },
      outputs: {
        console: {},
        audit: { path: audit },
        hook: { type: 'http', url: `http://127.0.0.1:${receiver.port}/` },
        ...(bus ? { bus: { type: 'nats', url: bus.url, stream: STREAM, create_stream: {} } } : {}),
      },
    },
  });
  const subject = { engine, receiver, bus };
  const faults = Object.entries(FAULTS).filter(([name]) => bus !== undefined || !name.includes('NATS'));
  const pid = engine.process.pid ?? 0;
  let injected = 0;
  try {
    await ask(engine.socket, 'deny.add', { target: DENIED });
    const round = async (): Promise<void> => {
      for (const [name, inject] of faults) {
        await inject(subject);
        await isWell(subject, name);
        injected++;
      }
    };
    const start = performance.now();
    await round();
    await sleep(500);
    const first = holdings(pid);
    const memory = [first.rssMb];
    while (performance.now() - start < SOAK_MS) {
      await round();
      memory.push(holdings(pid).rssMb);
    }
    const peak = Math.max(...memory);
    const settled = async () => {
      const now = holdings(pid);
      return now.fds <= first.fds && now.threads <= first.threads;
    };
    for (let n = 0; n < 50 && !(await settled()); n++) await sleep(100);
    const end = holdings(pid);
    assert.ok(end.fds <= first.fds, `descriptors: ${first.fds} became ${end.fds}`);
    assert.equal(end.bpf, first.bpf, 'BPF objects');
    assert.ok(end.threads <= first.threads, `threads: ${first.threads} became ${end.threads}`);
    assert.ok(
      peak <= first.rssMb + SLACK_MB,
      `memory: ${first.rssMb} MB became ${peak} MB (${memory.join(' ')})`,
    );
    // What fills once (caches, compiled code) has done so in the first quarter; a leak goes on.
    const [early, late] = [quarter(memory, 1), quarter(memory, 3)];
    if (SOAK_MS >= LONG_MS) assert.ok(late <= early + GROWTH_MB, `memory grows: ${memory.join(' ')} MB`);
    const lost = async (): Promise<number> => {
      const { sensor } = ((await ask(engine.socket, 'status')) as Status).engine;
      return sensor.lostRing + sensor.lostPriority + sensor.lostSlot;
    };
    const told = (): number =>
      engine.alerts
        .filter(({ rule }) => rule === 'Ringfence internal: events lost')
        .reduce((sum, { output_fields: fields }) => sum + Number(fields.count), 0);
    const all = await lost();
    assert.ok(await engine.until(() => told() >= all, 15_000), `${told()} of ${all} lost events told`);
    assert.equal(told(), all);
    assert.ok(receiver.got > 0, 'the output was used');
    if (bus !== undefined) {
      for (let n = 0; n < 300 && (await stored(bus)) < engine.alerts.length; n++) await sleep(100);
      assert.equal(await stored(bus), engine.alerts.length, 'alerts in the stream');
    }
    const minutes = (performance.now() - start) / 60_000;
    assert.equal(await engine.stop(), 0);
    assert.deepEqual(verifyFolder(audit).problems, []);
    const written = new Set<unknown>(
      [...query(audit, { kinds: ['alert', 'denial'] })].map(({ uuid }) => uuid),
    );
    const missing = engine.alerts.filter(({ uuid }) => !written.has(uuid));
    assert.deepEqual(missing, []);
    evidence({
      fault: `one engine for ${minutes.toFixed(1)} min with ${injected} faults: ${faults.map(([name]) => name).join(', ')}`,
      expected:
        'after each it sees, refuses, answers, its canary is well; nothing grows; losses told exactly; the chain verifies; no alert missing',
      result: `${engine.alerts.length} alerts, all on record${bus ? ' and in the stream, each once' : ''}; ${all} events lost, all told; ${first.rssMb} MB after a round, ${early} in the second quarter, ${late} in the last (peak ${peak}), ${end.fds} fds, ${end.bpf} BPF, ${end.threads} threads`,
    });
  } finally {
    await engine.stop();
    receiver.close();
    await bus?.kill();
  }
});
