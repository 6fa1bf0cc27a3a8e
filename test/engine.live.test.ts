import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { parse, stringify } from 'yaml';
import { ask } from '../src/engine/control/client.ts';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import type { EngineReport } from '../src/engine/thread/protocol.ts';
import { LiveEngine, liveSkip } from './lib/engine.ts';
import { assertFigures } from './lib/figures.ts';
import { performScenario, SESSION_FIELD } from './lib/scenario.ts';

const rule = (name: string, file: string): string => `- rule: ${name}
  desc: test
  condition: evt.type in (open, openat, openat2) and fd.name = ${file}
  output: opened %fd.name
  priority: INFO
`;
const opens = (file: string) => ({ name: file, steps: [{ open: file }], expect: [{ rule: 'x' }] });

describe('a running engine', { skip: liveSkip() }, () => {
  let engine: LiveEngine;
  before(async () => {
    const rules = `${rule('Hosts', '/etc/hosts')}${UNKNOWN_FIELD}`;
    engine = await LiveEngine.start({ config: SESSION_FIELD, rules });
  });
  after(async () => {
    assert.equal(await engine?.stop('SIGINT'), 130);
  });

  test('reports its state', async () => {
    const status = (await ask(engine.socket, 'status')) as {
      rules: number;
      events: string[];
      mode: string;
      pid: number;
    };
    assert.equal(status.rules, 1);
    assert.deepEqual(status.events, ['open', 'openat', 'openat2']);
    assert.equal(status.mode, 'monitor');
    assert.equal(typeof status.pid, 'number');
  });

  test('publishes figures about itself, and none about what is not there', async () => {
    await assertFigures(engine, 'ring_capacity_bytes', [
      { ring: 'events', value: 8 << 20 },
      { ring: 'priority', value: 4 << 20 },
    ]);
    await assertFigures(engine, 'policy_generation', [{ value: 1 }]);
    await assertFigures(engine, 'rules_loaded', [{ value: 1 }]);
    await assertFigures(engine, 'rules_skipped', [{ value: 1 }]);
    await assertFigures(engine, 'audit_chain_ok', []);
    await assertFigures(engine, 'enforcement_total', []);
  });

  test('the command line says how it is, and that an entry does not refuse in mode monitor', async () => {
    const ringfence = (...args: string[]) => {
      const words = [join(PACKAGE_ROOT, 'dist/ringfence/main.js'), ...args, '--socket', engine.socket];
      const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
      assert.equal(status, 0, stderr);
      return { stdout, stderr };
    };
    assert.match(ringfence('deny', 'list').stderr, /^no entries$/m);
    const { stdout, stderr } = ringfence('deny', 'add', '192.0.2.1', '--ttl', '1h');
    assert.match(stdout, /^1 {2}192\.0\.2\.1 until=/);
    assert.match(stderr, /^mode is monitor/m);
    ringfence('deny', 'remove', '1');
    const shown = ringfence('status').stdout;
    assert.match(shown, /^Mode {8}monitor$/m);
    assert.match(shown, /^Sensor {6}emitted=\d+ filtered=\d+/m);
    assert.doesNotMatch(shown, /[{}]/);
    ringfence('policy', 'monitor');
    assert.match(ringfence('status').stdout, /^Mode {8}monitor, but nothing is refused/m);
    ringfence('policy', 'enforce');
  });

  test('writes nothing but its log to stderr: no complaint of V8 about a flag', () => {
    assert.doesNotMatch(engine.stderr, /^[^{]/m);
  });

  test('keeps the old rules when the new ones are not valid, and says so', async () => {
    const file = join(engine.folder, 'rules.yaml');
    writeFileSync(file, '- rule: Broken\n  condition: evt.typ = open\n');
    await assert.rejects(ask(engine.socket, 'reload'), { code: 'E_RULES', exitCode: 3 });
    await assertFigures(engine, 'errors_total', [{ code: 'E_RULES', value: 1 }]);
    assert.ok(
      await engine.until(
        () => engine.alerts.some((a) => a.rule === 'Ringfence internal: reload failed'),
        2000,
      ),
    );
    const [alert] = await performScenario(engine, opens('/etc/hosts'));
    assert.equal(alert?.rule, 'Hosts');
  });

  test('puts valid rules in force at once, with the events that they need, and tells the difference', async () => {
    writeFileSync(join(engine.folder, 'rules.yaml'), `${rule('Passwd', '/etc/passwd')}${UNLINK}`);
    const report = (await ask(engine.socket, 'reload')) as EngineReport;
    assert.deepEqual(report.diff, { added: ['Passwd', 'Removed'], removed: ['Hosts'], changed: [] });
    const [alert] = await performScenario(engine, opens('/etc/passwd'));
    assert.equal(alert?.rule, 'Passwd');
    const removed = await performScenario(engine, {
      name: 'unlink',
      steps: [{ write: ['$DIR/rf-removed', ''] }, { exec: ['rm', '$DIR/rf-removed'] }],
      expect: [{ rule: 'Removed' }],
    });
    assert.deepEqual(
      removed.map((a) => a.rule),
      ['Removed'],
    );
  });

  test('says which changed options wait for the next start', async () => {
    const file = join(engine.folder, 'config.yaml');
    const config = parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, stringify({ ...config, priority: 'debug', sensors: { ring_bytes: 1 << 20 } }));
    const report = (await ask(engine.socket, 'reload')) as EngineReport;
    assert.deepEqual(report.config?.atRestart, ['sensors.ring_bytes']);
    assert.ok(await engine.until(() => engine.log.some(({ code }) => code === 'W_RESTART_NEEDED'), 2000));
  });

  test('SIGHUP reloads as well', async () => {
    writeFileSync(join(engine.folder, 'rules.yaml'), rule('Group', '/etc/group'));
    const before = engine.log.length;
    engine.process.kill('SIGHUP');
    assert.ok(
      await engine.until(() => engine.log.slice(before).some((line) => line.msg === 'reloaded'), 10_000),
    );
    const [alert] = await performScenario(engine, opens('/etc/group'));
    assert.equal(alert?.rule, 'Group');
  });

  test('a second engine on the same socket is refused', () => {
    const args = ['run', '--duration', '1s', '--set', `control.socket=${engine.socket}`];
    const second = spawnSync(join(PACKAGE_ROOT, 'bin/ringfence'), args, { encoding: 'utf8', env: quick });
    assert.equal(second.status, 1);
    assert.match(second.stderr, /E_ALREADY_RUNNING/);
    assert.ok(existsSync(engine.socket));
  });
});

const UNKNOWN_FIELD = `- rule: Skipped
  desc: test
  condition: evt.type = openat and plugin.field = 1
  output: o
  priority: INFO
  skip-if-unknown-filter: true
`;

const UNLINK = `- rule: Removed
  desc: test
  condition: evt.type in (unlink, unlinkat) and evt.res = SUCCESS and fs.path.name contains rf-removed
  output: removed %fs.path.name
  priority: INFO
`;
const quick = { ...process.env, RINGFENCE_SKIP_SETUP: '1' };

test('without privileges the engine says what is missing, without a stack', { skip: liveSkip() }, () => {
  const run = spawnSync(
    join(PACKAGE_ROOT, 'bin/ringfence'),
    ['run', '--set', 'control.enabled=false', '--set', 'state_dir=/tmp/rf-nobody'],
    {
      encoding: 'utf8',
      env: quick,
      uid: 65534,
      gid: 65534,
    },
  );
  assert.equal(run.status, 5, run.stderr);
  assert.match(run.stderr, /error\[[^\]]+\]: .*permitted/);
  assert.match(run.stderr, /help: /);
  assert.doesNotMatch(run.stderr, /\n\s+at /);
});

test('what is probably a slip in rules and configuration is told at the start', {
  skip: liveSkip(),
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-slip-'));
  const path = join(folder, 'rules.yaml');
  writeFileSync(path, `${rule('Hosts', '/etc/hosts')}\n- macro: forgotten\n  condition: evt.num > 0\n`);
  const steps = [{ disable: { rule: 'Hosts' } }, { enable: { rule: 'Nope' } }];
  const engine = await LiveEngine.start({
    config: { builtin_rules: false, rules_files: [path], rules: steps },
  });
  await engine.stop();
  rmSync(folder, { recursive: true });
  const told = engine.log.filter(({ level }) => level === 'warn').map(({ code, line }) => [code, line]);
  assert.deepEqual(told, [
    ['LOAD_UNUSED_MACRO', 7],
    ['E_RULE_UNKNOWN', undefined],
  ]);
});
