import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DenyView } from '../src/enforce/index.ts';
import { ask } from '../src/engine/control/client.ts';
import { probe } from '../src/sensors/bpf/probe.ts';
import type { SensorStats } from '../src/sensors/sensor.ts';
import { LiveEngine, liveSkip } from './lib/engine.ts';
import { assertFigures } from './lib/figures.ts';

/** Rules and deny entries while they change, while nobody reads, while the engine stands still. */
const skip =
  liveSkip() ||
  (probe('cgroup_sock_addr').answer === 'yes' ? false : 'needs cgroup2') ||
  (existsSync('/usr/bin/python3') ? false : 'needs python3');
const folder = mkdtempSync(join(tmpdir(), 'rf-policy-'));
after(() => rmSync(folder, { recursive: true }));

const config = {
  mode: 'enforce',
  builtin_rules: false,
  enforcement: { max_denials_per_minute: 0, self_protection: false },
};
const deny = (name: string, address: string): string =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = connect and fd.sip = "${address}"\n  output: o\n  priority: INFO\n  enforce: deny\n`;
const ENTRY_RULE = 'Refused by deny list';

const HEAD =
  'import socket,errno,os,sys\ndef udp(a):\n  with socket.socket(socket.AF_INET,socket.SOCK_DGRAM) as s:\n    try: s.connect((a,9)); return 1\n    except PermissionError: return 0\n';

/** How many of `count` connects went through. */
function through(address: string, count = 1): number {
  const program = `${HEAD}print(sum(udp('${address}') for _ in range(${count})))`;
  return Number(spawnSync('python3', ['-c', program], { encoding: 'utf8' }).stdout);
}

/** Connects to both addresses until the file `stop` exists: how often the first went through, the second did not. */
function loop(forbidden: string, nearMiss: string): { stop: () => Promise<string>; child: ChildProcess } {
  const stop = join(folder, 'stop');
  rmSync(stop, { force: true });
  const program = `${HEAD}n=a=b=0\nwhile n%200 or not os.path.exists('${stop}'):\n  a+=udp('${forbidden}'); b+=1-udp('${nearMiss}'); n+=1\nprint(a,b,n>2000)`;
  const child = spawn('python3', ['-c', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => {
    text += chunk;
  });
  const closed = new Promise((resolve) => child.once('close', resolve));
  return {
    child,
    stop: async () => {
      writeFileSync(stop, '');
      await closed;
      return text.trim();
    },
  };
}

const inForce = (engine: LiveEngine): number =>
  engine.log.filter((line) => line.msg === 'policy in force').length;

test('while rules are swapped a forbidden connect never gets through and a near miss is never refused', {
  skip,
}, async () => {
  const first = deny('Forbidden', '127.0.21.1');
  const engine = await LiveEngine.start({ rules: first, config });
  try {
    const acts = loop('127.0.21.1', '127.0.21.2');
    for (let swap = 0; swap < 15; swap++) {
      const others = Array.from({ length: 150 }, (_, i) => deny(`Other ${i}`, `10.${swap}.0.${i}`));
      others.splice(swap * 7, 0, first);
      writeFileSync(join(engine.folder, 'rules.yaml'), others.join(''));
      const before = inForce(engine);
      await ask(engine.socket, 'reload');
      assert.ok(await engine.until(() => inForce(engine) > before, 10_000), 'the policy is swapped');
    }
    assert.equal(await acts.stop(), '0 0 True');
    // So many rules share clauses: the one that refused is named all the same.
    const named = new Set(engine.alerts.map((alert) => alert.rule).filter((name) => !/internal/.test(name)));
    assert.deepEqual([...named], ['Forbidden']);
  } finally {
    await engine.stop();
  }
});

test('with the telemetry ring full and the engine stopped every denial holds, and is told when it goes on', {
  skip,
}, async () => {
  const acts = 25;
  const opens = 12_000;
  const flooder = join(folder, 'rf-policy-fl');
  const flood = `#!/bin/sh\ni=0; while [ $i -lt ${opens} ]; do : </dev/null; i=$((i+1)); done\n`;
  writeFileSync(flooder, flood, { mode: 0o700 });
  const undecided =
    '- rule: Never\n  desc: d\n  condition: evt.type = openat and proc.name = rf-policy-fl and proc.cmdline contains never-there\n  output: o\n  priority: INFO\n';
  const rollup = { after: 10_000 };
  const engine = await LiveEngine.start({
    rules: undecided + deny('Forbidden', '127.0.22.1'),
    config: { ...config, sensors: { ring_bytes: 1 << 20 }, rollup },
  });
  const sensor = async (): Promise<SensorStats> =>
    ((await ask(engine.socket, 'status')) as { engine: { sensor: SensorStats } }).engine.sensor;
  try {
    const began = Date.now();
    const { id, lastHit } = (await ask(engine.socket, 'deny.add', { target: '127.0.22.8' })) as DenyView;
    assert.equal(lastHit, null);
    engine.process.kill('SIGSTOP');
    spawnSync(flooder);
    const rule = through('127.0.22.1', acts);
    const listed = through('127.0.22.8', acts);
    const nearMiss = through('127.0.22.9', acts);
    engine.process.kill('SIGCONT');
    assert.deepEqual([rule, listed, nearMiss], [0, 0, acts]);
    const told = (name: string): number =>
      engine.alerts.filter(
        (a) => a.rule === name && (a.ringfence as { guarantee: string }).guarantee === 'denied',
      ).length;
    await engine.until(() => told('Forbidden') + told(ENTRY_RULE) >= 2 * acts, 15_000);
    assert.deepEqual([told('Forbidden'), told(ENTRY_RULE)], [acts, acts]);
    await assertFigures(engine, 'enforcement_total', [
      { kind: 'rule', outcome: 'denied', value: acts },
      { kind: 'entry', outcome: 'denied', value: acts },
    ]);
    const { lostRing, lostPriority } = await sensor();
    assert.ok(lostRing > 0, 'the ring was full');
    assert.equal(lostPriority, 0);
    const [alert] = engine.alerts.filter((a) => a.rule === ENTRY_RULE);
    assert.match(alert?.output ?? '', new RegExp(`entry=${id}$`));
    const [view] = (await ask(engine.socket, 'deny.list')) as DenyView[];
    assert.equal(view?.hits, acts);
    const last = Date.parse(view?.lastHit ?? '');
    assert.ok(last >= began && last <= Date.now(), `hit last at ${view?.lastHit}, between then and now`);
  } finally {
    engine.process.kill('SIGCONT');
    await engine.stop();
  }
});

test('an entry expires in the kernel while the engine stands still; others survive a restart with their id', {
  skip,
}, async () => {
  const state = join(folder, 'state');
  const options = { rules: deny('Other', '10.1.2.3'), config: { ...config, state_dir: state } };
  const engine = await LiveEngine.start(options);
  let kept: DenyView;
  try {
    kept = (await ask(engine.socket, 'deny.add', { target: '127.0.23.1', reason: 'kept' })) as DenyView;
    await ask(engine.socket, 'deny.add', { target: '127.0.23.2', ttl: 4_000 });
    assert.deepEqual([through('127.0.23.1'), through('127.0.23.2')], [0, 0]);
    engine.process.kill('SIGSTOP');
    await sleep(4_200);
    assert.deepEqual([through('127.0.23.1'), through('127.0.23.2')], [0, 1]);
  } finally {
    engine.process.kill('SIGCONT');
    await engine.stop();
  }
  assert.equal(through('127.0.23.1'), 1);
  const again = await LiveEngine.start(options);
  try {
    assert.equal(through('127.0.23.1'), 0);
    const list = (await ask(again.socket, 'deny.list')) as DenyView[];
    assert.deepEqual(
      list.map(({ id, target, reason }) => [id, target, reason]),
      [[kept.id, '127.0.23.1', 'kept']],
    );
  } finally {
    await again.stop();
  }
});

test('with cut_connections a connection that is older than the entry carries nothing any more', {
  skip,
}, async () => {
  const enforcement = { ...config.enforcement, cut_connections: true };
  const engine = await LiveEngine.start({
    rules: deny('Other', '10.1.2.3'),
    config: { ...config, enforcement },
  });
  const got = new Map<string, string>();
  const server = net.createServer((socket) => {
    const from = socket.localAddress ?? '';
    socket.on('data', (chunk) => got.set(from, (got.get(from) ?? '') + String(chunk)));
    socket.on('error', () => {});
  });
  await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
  const { port } = server.address() as net.AddressInfo;
  const open = (host: string): Promise<net.Socket> =>
    new Promise((resolve, reject) => {
      const socket = net.connect({ host, port }, () => resolve(socket)).on('error', reject);
    });
  const [cut, other] = [await open('127.0.24.1'), await open('127.0.24.2')];
  try {
    for (const socket of [cut, other]) socket.write('a');
    const both = (): boolean => got.get('127.0.24.1') === 'a' && got.get('127.0.24.2') === 'a';
    assert.ok(await engine.until(both, 5_000), 'both carry data before');
    const { id } = (await ask(engine.socket, 'deny.add', { target: '127.0.24.1' })) as DenyView;
    for (const socket of [cut, other]) socket.write('b');
    assert.ok(await engine.until(() => got.get('127.0.24.2') === 'ab', 5_000), 'the other goes on');
    await sleep(500);
    assert.equal(got.get('127.0.24.1'), 'a');
    const list = (await ask(engine.socket, 'deny.list')) as DenyView[];
    assert.ok((list.find((entry) => entry.id === id)?.hits ?? 0) > 0, 'its packets are counted');
  } finally {
    for (const socket of [cut, other]) socket.destroy();
    server.close();
    await engine.stop();
  }
});

/** Rules that refuse programs, each of a kind of its own for the kernel. */
const programs = (from: number, count: number): string =>
  Array.from(
    { length: count },
    (_, i) =>
      `- rule: Program ${from + i}\n  desc: d\n  condition: evt.type in (execve, execveat) and proc.exepath = /nowhere/rule${from + i} and user.uid = ${60_000 + from + i}\n  output: o\n  priority: INFO\n  enforce: deny\n`,
  ).join('');

test('what the kernel has no room for is not taken: neither an entry, nor a reload; a start keeps the rules', {
  skip,
}, async () => {
  const marker = join(folder, 'rf-refused');
  copyFileSync('/usr/bin/true', marker);
  const refused = (): boolean => spawnSync(marker).status !== 0;
  const own = `- rule: Marker\n  desc: d\n  condition: evt.type in (execve, execveat) and proc.exepath = ${marker}\n  output: o\n  priority: INFO\n  enforce: deny\n`;
  const state_dir = join(folder, 'crowded');
  const options = { rules: own, config: { ...config, state_dir } };
  const engine = await LiveEngine.start(options);
  const stored = join(state_dir, 'deny.json');
  try {
    assert.ok(refused());
    const add = (n: number): Promise<unknown> =>
      ask(engine.socket, 'deny.add', { target: `exe:/nowhere/${n}`, scope: `user=${5000 + n}` });
    let taken = 0;
    await assert.rejects(
      async () => {
        for (; taken < 1000; taken++) await add(taken);
      },
      { code: 'E_DENY', message: /not taken: more than \d+ denying clauses/ },
    );
    assert.ok(taken > 100, `${taken}`);
    assert.equal(((await ask(engine.socket, 'deny.list')) as unknown[]).length, taken);
    writeFileSync(join(engine.folder, 'rules.yaml'), programs(0, 50));
    await assert.rejects(ask(engine.socket, 'reload'), { code: 'E_POLICY', exitCode: 3 });
    assert.ok(refused(), 'the old rules stay');
    await ask(engine.socket, 'deny.remove', { what: 'exe:/nowhere/0' });
    await add(taken);
  } finally {
    await engine.stop();
  }
  const document = JSON.parse(readFileSync(stored, 'utf8')) as { entries: { id: number }[] };
  const copies = document.entries.map((entry) => ({
    ...entry,
    id: entry.id + 1000,
    target: { kind: 'exe', path: `/elsewhere/${entry.id}` },
    scope: { kind: 'user', uid: 20_000 + entry.id },
  }));
  writeFileSync(stored, JSON.stringify({ ...document, entries: [...document.entries, ...copies] }));
  const again = await LiveEngine.start(options);
  try {
    assert.ok(refused(), 'the rules are in force');
    assert.ok(again.log.some(({ code }) => code === 'E_POLICY'));
  } finally {
    await again.stop();
  }
});

test('a flood of responses is in force, and stored when the engine ends', { skip }, async () => {
  const state_dir = join(folder, 'flooded');
  const rules =
    '- rule: Answered\n  desc: d\n  condition: evt.type = connect and fd.snet = 198.18.0.0/16\n  output: o\n  priority: INFO\n  respond: [{deny_ip: {}}]\n';
  const engine = await LiveEngine.start({ rules, config: { ...config, state_dir } });
  const many = 2000;
  const list = async (): Promise<number> => ((await ask(engine.socket, 'deny.list')) as unknown[]).length;
  try {
    // Addresses for tests of networks; nothing is sent to them, reachable or not.
    const each = `try: udp(f'198.18.{i>>8}.{i&255}')\n  except OSError: pass`;
    spawnSync('python3', ['-c', `${HEAD}for i in range(${many}):\n  ${each}`]);
    for (let n = 0; n < 100 && (await list()) < many; n++) await sleep(50);
    assert.equal(await list(), many);
    assert.equal(through('198.18.1.1'), 0);
  } finally {
    await engine.stop();
  }
  const { entries } = JSON.parse(readFileSync(join(state_dir, 'deny.json'), 'utf8')) as {
    entries: unknown[];
  };
  assert.equal(entries.length, many);
});
