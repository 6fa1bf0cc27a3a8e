import assert from 'node:assert/strict';
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PIN_DIR } from '../src/enforce/index.ts';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { query } from '../src/outputs/audit/query.ts';
import { probe } from '../src/sensors/bpf/probe.ts';
import { mountBpffs } from './lib/bpffs.ts';
import { LiveEngine, liveSkip } from './lib/engine.ts';

/** A whole engine in mode enforce: attacked, maintained, unloaded and stopped. Runs in the guests. */
const skip =
  liveSkip() ||
  (probe('lsm').answer !== 'yes'
    ? `needs BPF LSM: ${probe('lsm').why}`
    : fs.existsSync(PIN_DIR)
      ? 'another engine has pinned its enforcement'
      : false);
const RULES = `- rule: Nothing
  desc: Matches nothing.
  condition: evt.type = openat and fd.name = /etc/rf-nothing
  output: x
  priority: INFO
`;

describe('an engine that refuses guards itself', { skip }, () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-guarded-'));
  const audit = path.join(folder, 'audit');
  let engine: LiveEngine;
  let unmount: (() => void) | undefined;
  before(async () => {
    unmount = mountBpffs();
    engine = await LiveEngine.start({
      rules: RULES,
      config: {
        mode: 'enforce',
        builtin_rules: false,
        enforcement: { pin: true },
        outputs: { console: {}, audit: { path: audit } },
      },
    });
  });
  after(async () => {
    // By its parent, as a supervisor does.
    assert.equal(await engine?.stop('SIGTERM'), 0);
    unmount?.();
    fs.rmSync(folder, { recursive: true });
  });

  const sh = (line: string) => spawnSync('/bin/sh', ['-c', line], { encoding: 'utf8' });
  const cli = (...args: string[]): SpawnSyncReturns<string> =>
    spawnSync(path.join(PACKAGE_ROOT, 'bin/ringfence'), args, {
      encoding: 'utf8',
      env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' },
    });
  const control = (...args: string[]) => cli('policy', ...args, '--socket', engine.socket);
  const rules = () => path.join(engine.folder, 'rules.yaml');

  test('kill -9, files and pins are refused to root, and told by an alert', async () => {
    const refused = () => engine.alerts.filter(({ rule }) => rule === 'Attempt on Ringfence refused');
    assert.notEqual(sh(`kill -9 ${engine.process.pid}`).status, 0);
    assert.notEqual(sh(`rm -rf ${PIN_DIR}`).status, 0);
    assert.notEqual(sh(`echo >>${rules()}`).status, 0);
    assert.notEqual(sh(`rm -rf ${audit}`).status, 0);
    assert.notEqual(sh(`rm ${engine.socket}`).status, 0);
    assert.ok(await engine.until(() => refused().length >= 5, 5000), JSON.stringify(refused()));
    assert.equal(engine.process.exitCode, null);
    const [first] = refused();
    assert.equal(first?.priority, 'Critical');
    assert.match(first?.output ?? '', /event=kill process=sh .*what=a signal to the engine/);
    assert.ok(refused().some(({ output }) => output.includes(`file=${rules()}`)));
  });

  test('reading the audit still works', () => {
    const read = cli('audit', 'query', '--path', audit);
    assert.equal(read.status, 0, read.stderr);
    const verified = cli('audit', 'verify', '--path', audit);
    assert.equal(verified.status, 0, verified.stderr + verified.stdout);
  });

  test('an administrator unlocks it to change a file; that is told and on record', async () => {
    assert.equal(control('unlock', '--for', '1m').status, 0);
    assert.equal(sh(`echo >>${rules()}`).status, 0);
    assert.equal(control('lock').status, 0);
    assert.notEqual(sh(`echo >>${rules()}`).status, 0);
    const told = () =>
      engine.alerts.some(({ rule }) => rule === 'Ringfence internal: enforcement changed by hand');
    assert.ok(await engine.until(told, 5000));
    const rows = [...query(audit, { kinds: ['control'] })].map(({ body }) => JSON.parse(body));
    assert.deepEqual(
      rows.map(({ command }) => command),
      ['guard.unlock', 'guard.lock'],
    );
  });

  test('the break-glass switch opens it as well', () => {
    assert.equal(control('monitor').status, 0);
    assert.equal(sh(`echo >>${rules()}`).status, 0);
    assert.equal(control('enforce').status, 0);
    assert.notEqual(sh(`echo >>${rules()}`).status, 0);
  });

  test('pins go by the engine itself', () => {
    const unloaded = control('unload');
    assert.equal(unloaded.status, 0, unloaded.stderr);
    assert.equal(fs.existsSync(PIN_DIR), false);
  });
});
