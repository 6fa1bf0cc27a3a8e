import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import { CAPABILITIES } from '../../src/engine/cli/service-unit.ts';
import { ask } from '../../src/engine/control/client.ts';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import { probe } from '../../src/sensors/bpf/probe.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { SLOWNESS } from '../lib/slowness.ts';
import { evidence } from './evidence.ts';

const hasSetpriv = spawnSync('setpriv', ['--version']).status === 0;
const skip = liveSkip() || (hasSetpriv ? false : 'needs setpriv (util-linux)');
const names = Object.keys(CAPABILITIES).map((name) => name.replace('CAP_', '').toLowerCase());
const only = (caps: readonly string[]): string[] => [
  'setpriv',
  '--no-new-privs',
  `--bounding-set=-all,${caps.map((cap) => `+${cap}`).join(',')}`,
];
interface Status {
  readonly tiers: Readonly<Record<string, string>>;
  readonly engine: {
    readonly canary: { readonly ok: boolean; readonly seen: number };
    readonly guard: { readonly state: string };
  };
}
const RULES = `- rule: Opened
  desc: An event by another user.
  condition: evt.type in (open, openat) and fd.name = /etc/hostname and proc.name = cat
  output: opened by %user.uid %proc.exepath
  priority: INFO
`;

test('with the capabilities of the unit and no others it sees, knows who, and can refuse the network', {
  skip,
}, async () => {
  const engine = await LiveEngine.start({ rules: RULES, wrap: only(names), config: { mode: 'enforce' } });
  try {
    // The first canary is let go a moment after the engine is ready.
    let status = (await ask(engine.socket, 'status')) as Status;
    for (let n = 0; n < 100 && status.engine.canary.seen === 0; n++) {
      await setTimeout(200);
      status = (await ask(engine.socket, 'status')) as Status;
    }
    assert.equal(status.engine.canary.ok, true);
    assert.ok(status.engine.canary.seen > 0);
    assert.notEqual(status.tiers.network, 'observe');
    if (probe('lsm').answer === 'yes') {
      assert.equal(status.tiers.files, 'lsm');
      assert.equal(status.engine.guard.state, 'on');
    }
    spawnSync('setpriv', ['--reuid=65534', '--clear-groups', 'cat', '/etc/hostname']);
    assert.ok(await engine.until(() => engine.alerts.some((alert) => alert.rule === 'Opened'), 5000));
    assert.match(engine.alerts.find((alert) => alert.rule === 'Opened')?.output ?? '', /65534 \/\S+cat /);
    const disguised = spawnSync('setpriv', [
      ...['--reuid=65534', '--clear-groups', 'unshare', '--user', '--map-root-user'],
      ...['cat', '/etc/hostname'],
    ]);
    const opened = () => engine.alerts.filter((alert) => alert.rule === 'Opened');
    if (disguised.status === 0) {
      assert.ok(await engine.until(() => opened().length > 1, 5000));
      assert.match(opened().at(-1)?.output ?? '', /65534 /, 'root in a user namespace is who he is outside');
    }
    evidence({
      fault: `no capability but ${names.join(', ')}`,
      expected: 'sees events of other users; canary comes back; network can be refused',
      result: `as expected; tiers ${JSON.stringify(status.tiers)}`,
    });
  } finally {
    await engine.stop();
  }
});

for (const [lacking, exit] of [
  ['bpf', 5],
  ['perfmon', 5],
] as const) {
  test(`without ${lacking} it says what is missing and ends with code ${exit}`, { skip }, () => {
    const [command = '', ...args] = only(names.filter((name) => name !== lacking));
    const run = spawnSync(
      command,
      [...args, join(PACKAGE_ROOT, 'bin/ringfence'), 'run', '--duration', '1s', ...quiet],
      { encoding: 'utf8', env },
    );
    assert.equal(run.status, exit, run.stderr);
    assert.match(run.stderr, /CAP_|root/);
    assert.doesNotMatch(run.stderr, /\n {4}at /, 'no stack trace');
  });
}

/** What a capability is for, as the engine shows it: with all of them, and with this one taken away. */
interface View {
  readonly exe: string;
  readonly fds: string;
  readonly network: string;
}

const NEEDED: readonly (readonly [lacking: string, what: string, member: keyof View])[] = [
  ['net_admin', 'refusing and cutting connections at the cgroup', 'network'],
  ['sys_ptrace', 'executables of processes of others that are older than the engine', 'exe'],
  ['dac_read_search', 'descriptors of processes of others', 'fds'],
];

const OLDER = `- rule: Older
  desc: What is known of a process that was there before the engine.
  condition: evt.type in (open, openat) and fd.name = /etc/hostname and proc.name = rf-older
  output: exe=%proc.exepath fds=%proc.fdopencount
  priority: INFO
`;

const DENIED = '127.0.16.1';

/** Whether a connection goes on after its address was denied: only a program at the cgroup sees its packets. */
async function connection(): Promise<{ cut(): Promise<boolean>; close(): void }> {
  const server = createServer();
  await new Promise<void>((resolve) => void server.listen(0, DENIED, resolve));
  const client = connect((server.address() as AddressInfo).port, DENIED);
  const [peer] = (await once(server, 'connection')) as [Socket];
  return {
    async cut() {
      client.write('x');
      return (await Promise.race([once(peer, 'data'), setTimeout(1000 * SLOWNESS)])) === undefined;
    },
    close() {
      client.destroy();
      peer.destroy();
      server.close();
    },
  };
}

/** Starts an engine with these capabilities after a process of another user, which then opens a file. */
async function viewWith(caps: readonly string[]): Promise<View> {
  const folder = mkdtempSync(join(tmpdir(), 'rf-older-'));
  chmodSync(folder, 0o755);
  const program = join(folder, 'rf-older');
  copyFileSync('/bin/sh', program);
  const script = 'while read -r line; do read -r name </etc/hostname; done';
  const older = spawn('setpriv', ['--reuid=65534', '--clear-groups', program, '-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const engine = await LiveEngine.start({
    rules: OLDER,
    wrap: only(caps),
    config: {
      append_output: [],
      mode: 'enforce',
      enforcement: { cut_connections: true, self_protection: false },
    },
  });
  const talk = await connection();
  try {
    await ask(engine.socket, 'deny.add', { target: `${DENIED}/32` }).catch(() => {});
    older.stdin.write('go\n');
    const told = () => engine.alerts.find((alert) => alert.rule === 'Older')?.output;
    assert.ok(await engine.until(() => told() !== undefined, 5000));
    const [, exe = '', fds = ''] = /exe=(\S+) fds=(\S+)/.exec(told() ?? '') ?? [];
    return {
      exe: exe === program ? 'known' : 'unknown',
      fds: Number(fds) > 0 ? 'known' : 'unknown',
      network: (await talk.cut()) ? 'cut' : 'open',
    };
  } finally {
    older.kill();
    talk.close();
    await engine.stop();
    rmSync(folder, { recursive: true });
  }
}

test('each capability of the unit is needed: what is lost without it', { skip }, async () => {
  const whole = await viewWith(names);
  assert.deepEqual(whole, { exe: 'known', fds: 'known', network: 'cut' });
  const lost: string[] = [];
  for (const [lacking, what, member] of NEEDED) {
    const view = await viewWith(names.filter((name) => name !== lacking));
    assert.notEqual(view[member], whole[member], `${lacking} is not needed for ${what}`);
    lost.push(`${lacking}: ${what}`);
  }
  evidence({
    fault: 'one capability of the unit taken away at a time',
    expected: 'bpf, perfmon: exit code 5; the others: one thing less is known or refused',
    result: `lost without ${lost.join('; without ')}`,
  });
});

const quiet = ['--set', 'control.enabled=false', '--set', 'builtin_rules=false', '--set', 'rules_files=[]'];
const env = { ...process.env, RINGFENCE_SKIP_SETUP: '1' };

test('as an ordinary user it says that it needs privileges and ends with code 5', { skip }, () => {
  const run = spawnSync(
    'setpriv',
    [
      '--reuid=65534',
      '--regid=65534',
      '--clear-groups',
      '--inh-caps=-all',
      join(PACKAGE_ROOT, 'bin/ringfence'),
      'run',
      '--duration',
      '1s',
      ...quiet,
    ],
    { encoding: 'utf8', env },
  );
  assert.equal(run.status, 5, run.stderr);
  assert.match(run.stderr, /root|CAP_/);
  assert.doesNotMatch(run.stderr, /\n {4}at /, 'no stack trace');
  evidence({
    fault: 'started as an ordinary user',
    expected: 'a message that says what is missing, exit code 5',
    result: run.stderr.split('\n')[0] ?? '',
  });
});
