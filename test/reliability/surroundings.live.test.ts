import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../src/engine/control/client.ts';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import type { OutputStats } from '../../src/outputs/stats.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { evidence } from './evidence.ts';

/** Surroundings that lack something: each has a defined outcome. */
const canMount = spawnSync('unshare', ['--mount', 'true']).status === 0;
const skip = liveSkip() || (canMount ? false : 'needs namespaces');
const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-around-'));
after(() => fs.rmSync(folder, { recursive: true }));

const program = path.join(PACKAGE_ROOT, 'bin/ringfence');
const env = { ...process.env, RINGFENCE_SKIP_SETUP: '1' };
const rules = (file: string): string => `- rule: Seen
  desc: Whether it sees.
  condition: evt.type = execve and proc.exepath = ${file}
  output: seen in %container.id
  priority: INFO
`;
const CONNECTED = `- rule: Connected
  desc: Whether the kernel knows as well where it is.
  condition: evt.type = connect and container.id != host and evt.res = ECONNREFUSED
  output: connected in %container.id
  priority: INFO
`;

/** Runs an engine for a moment in a mount namespace that was prepared by a line of shell. */
function runAfter(prepare: string, ...settings: string[]) {
  const set = ['control.enabled=false', 'builtin_rules=false', 'rules_files=[]', ...settings];
  const args = ['run', '--duration', '500ms', ...set.flatMap((value) => ['--set', value])];
  const line = `${prepare} && exec "$0" "$@"`;
  return spawnSync('unshare', ['--mount', '/bin/sh', '-c', line, program, ...args], {
    encoding: 'utf8',
    env,
  });
}

describe('an engine in strange surroundings', { skip }, () => {
  test('without /proc it says so and ends with code 5', () => {
    const run = runAfter('mount -t tmpfs none /proc');
    assert.equal(run.status, 5, run.stderr);
    assert.match(run.stderr, /E_NO_PROC.*\n.*mount -t proc/);
    assert.doesNotMatch(run.stderr, /\n\s+at /);
    evidence({ fault: 'no /proc', expected: 'a message that says so, exit code 5', result: 'as expected' });
  });

  test('on a read-only file system it runs without an audit, and says why it cannot keep one', () => {
    const readOnly = `mount --bind ${folder} ${folder} && mount -o remount,bind,ro ${folder}`;
    const state = `state_dir=${folder}/state`;
    const without = runAfter(readOnly, state);
    assert.equal(without.status, 0, without.stderr);
    const spooled = runAfter(readOnly, state, 'outputs.nats.url=nats://127.0.0.1:1');
    assert.equal(spooled.status, 0, spooled.stderr);
    assert.match(spooled.stderr, /E_SPOOL_OPEN/);
    const audited = runAfter(readOnly, state, `outputs.audit.path=${folder}/audit`);
    assert.equal(audited.status, 3, audited.stderr);
    assert.match(audited.stderr, /E_AUDIT_FOLDER.*EROFS/);
    evidence({
      fault: 'read-only file system at the start',
      expected:
        'runs, without a spool and saying so; with an audit that cannot be written a message, exit code 3',
      result: 'as expected',
    });
  });

  test('with a full state folder deny entries come into force and expire, and are stored when there is room', async () => {
    const mount = path.join(folder, 'small');
    fs.mkdirSync(mount);
    spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'ringfence-test', mount]);
    const engine = await LiveEngine.start({
      rules: rules('/nowhere'),
      config: { state_dir: path.join(mount, 'state') },
    });
    const stored = (): string => fs.readFileSync(path.join(mount, 'state/deny.json'), 'utf8');
    const list = async () =>
      (await ask(engine.socket, 'deny.list')) as readonly { readonly target: string }[];
    try {
      await ask(engine.socket, 'deny.add', { target: '203.0.113.1' });
      const before = stored();
      const ballast = path.join(mount, 'ballast');
      try {
        fs.writeFileSync(ballast, Buffer.alloc(1 << 20));
      } catch {
        // It is full now.
      }
      await ask(engine.socket, 'deny.add', { target: '203.0.113.2', ttl: 1500 });
      await ask(engine.socket, 'deny.add', { target: '203.0.113.3' });
      assert.equal((await list()).length, 3);
      assert.ok(await engine.until(() => engine.log.some(({ code }) => code === 'E_DENY_STORE'), 5000));
      await sleep(3000);
      assert.deepEqual(
        (await list()).map(({ target }) => target),
        ['203.0.113.1', '203.0.113.3'],
      );
      assert.equal(stored(), before);
      fs.rmSync(ballast);
      assert.ok(await engine.until(() => stored() !== before, 5000));
      evidence({
        fault: 'the disk below the state folder full, deny entries come and expire',
        expected: 'in force and expired in time, the stored list whole, the rest stored when there is room',
        result: 'as expected',
      });
    } finally {
      assert.equal(await engine.stop(), 0);
      spawnSync('umount', ['--lazy', mount]);
    }
  });

  test('a process in a cgroup of version 1 is known by its container', {
    skip: fs.existsSync('/sys/fs/cgroup/memory/cgroup.procs') ? false : 'needs cgroup v1',
  }, async () => {
    const id = createHash('sha256').update(folder).digest('hex');
    const cgroup = `/sys/fs/cgroup/memory/docker-${id}.scope`;
    const marker = path.join(folder, 'rf-marker');
    fs.copyFileSync('/usr/bin/true', marker);
    fs.mkdirSync(cgroup);
    const engine = await LiveEngine.start({ rules: rules(marker) + CONNECTED });
    const connect = 'exec 3<>/dev/tcp/127.0.0.1/1';
    try {
      spawnSync('/bin/bash', ['-c', connect]);
      const enter = `echo 0 >${cgroup}/cgroup.procs; exec /bin/bash -c "(${connect}); exec ${marker}"`;
      spawnSync('/bin/bash', ['-c', enter]);
      assert.ok(await engine.until(() => engine.alerts.length > 1, 5000));
      const said = engine.alerts.map(({ output }) => output).sort();
      assert.equal(said.length, 2, said.join());
      assert.match(said[0] ?? '', new RegExp(`connected in ${id.slice(0, 12)}`));
      assert.match(said[1] ?? '', new RegExp(`seen in ${id.slice(0, 12)}`));
      evidence({
        fault: 'cgroup v1 beside v2 (hybrid), the unified one at its root',
        expected: 'the container is known by its path in v1',
        result: 'as expected',
      });
    } finally {
      await engine.stop();
      fs.rmdirSync(cgroup);
    }
  });

  test('a second engine on the same state folder is refused, and sends nothing that waits there', async () => {
    let got = 0;
    const sink = createServer((request, response) => {
      got++;
      request.resume().on('end', () => response.end());
    }).listen(0, '127.0.0.1');
    await once(sink, 'listening');
    const { port } = sink.address() as AddressInfo;
    const output = (url: string) => ({ outputs: { console: {}, http: { url, queue: { policy: 'spill' } } } });
    const marker = path.join(folder, 'rf-spooled');
    fs.copyFileSync('/usr/bin/true', marker);
    const engine = await LiveEngine.start({ rules: rules(marker), config: output('http://127.0.0.1:9/') });
    const state_dir = path.join(engine.folder, 'state');
    try {
      for (let n = 0; n < 5; n++) spawnSync(marker);
      const spooled = async (): Promise<number> => {
        const { outputs } = (await ask(engine.socket, 'status')) as { outputs: readonly OutputStats[] };
        return outputs.find(({ name }) => name === 'http')?.spooled ?? 0;
      };
      for (let n = 0; n < 500 && (await spooled()) < 5; n++) await sleep(20);
      assert.equal(await spooled(), 5);
      const config = { ...output(`http://127.0.0.1:${port}/`), state_dir };
      const second = LiveEngine.spawn({ rules: rules('/nowhere'), config });
      const code = await Promise.race([second.exited, sleep(20_000)]);
      await second.stop();
      assert.equal(code, 1);
      assert.match(second.stderr, /E_ALREADY_RUNNING/);
      assert.equal(got, 0);
      assert.equal(await spooled(), 5);
    } finally {
      await engine.stop();
      sink.close();
    }
  });

  test('with watch_files a changed file is loaded by itself; a broken one leaves the old in force', async () => {
    const marker = path.join(folder, 'rf-watched');
    fs.copyFileSync('/usr/bin/true', marker);
    const engine = await LiveEngine.start({ rules: rules('/nowhere'), config: { watch_files: true } });
    const file = path.join(engine.folder, 'rules.yaml');
    try {
      fs.writeFileSync(file, rules(marker));
      assert.ok(await engine.until(() => engine.log.some(({ msg }) => msg === 'reloaded'), 5000));
      fs.writeFileSync(file, '- rule: Broken\n  condition: evt.typ = open\n');
      const told = () => engine.alerts.some(({ rule }) => rule === 'Ringfence internal: reload failed');
      assert.ok(await engine.until(told, 5000));
      spawnSync(marker);
      assert.ok(await engine.until(() => engine.alerts.some(({ rule }) => rule === 'Seen'), 5000));
      evidence({
        fault: 'a rules file changes, then breaks, with watch_files',
        expected: 'the change is in force; then the old stays, with an alert',
        result: 'as expected',
      });
    } finally {
      await engine.stop();
    }
  });
});
