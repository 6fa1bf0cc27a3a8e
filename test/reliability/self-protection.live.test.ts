import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask } from '../../src/engine/control/client.ts';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { evidence } from './evidence.ts';
import { heldBy } from './host.ts';

const rules = ['00-common.yaml', 'self-protection.yaml']
  .map((name) => readFileSync(join(PACKAGE_ROOT, 'rules', name), 'utf8'))
  .join('\n');
const canSetns = spawnSync('unshare', ['--uts', '--mount', 'true']).status === 0;
const skip = liveSkip() || (canSetns ? false : 'needs namespaces');

describe('an engine in a host name and a mount namespace of its own', { skip }, () => {
  let engine: LiveEngine;
  const folder = mkdtempSync(join(tmpdir(), 'rf-self-'));
  before(async () => {
    mkdirSync(join(folder, 'audit'), { mode: 0o700 });
    engine = await LiveEngine.start({
      rules,
      wrap: ['unshare', '--uts', '--mount'],
      config: {
        canary: { interval: '500ms' },
        outputs: { console: {}, audit: { path: join(folder, 'audit') } },
      },
    });
  });
  after(async () => {
    assert.equal(await engine?.stop(), 0);
    rmSync(folder, { recursive: true });
  });
  const pid = () => String(engine.process.pid);
  const raised = (rule: string) =>
    engine.until(() => engine.alerts.some((alert) => alert.rule === rule), 5000);
  const freeze = () => spawnSync('/bin/sh', ['-c', `kill -STOP ${pid()}; sleep 0.2; kill -CONT ${pid()}`]);
  const inside = (...command: string[]) =>
    spawnSync('nsenter', ['-t', pid(), '--uts', '--mount', ...command], { encoding: 'utf8' });

  test('says who froze it, once it runs again', async () => {
    freeze();
    assert.ok(await raised('Engine stopped by a signal'));
    assert.equal(engine.alerts.filter((a) => a.rule === 'Engine stopped by a signal').length, 1);
    evidence({
      fault: 'SIGSTOP to the engine by another process',
      expected: 'alert "Engine stopped by a signal" with the sender, after SIGCONT',
      result: 'as expected',
    });
  });

  test('says who opens its BPF objects', async () => {
    spawnSync('bpftool', ['map', 'show'], { stdio: 'ignore' });
    const [map] = heldBy(Number(pid())).map;
    spawnSync('bpftool', ['map', 'dump', 'id', String(map)], { stdio: 'ignore' });
    assert.ok(await raised('BPF object of another process opened'));
    const lines = engine.alerts.filter(({ rule }) => rule === 'BPF object of another process opened');
    assert.ok(
      lines.every(({ output }) => output.includes('map dump')),
      'a list is no tampering',
    );
  });

  test('goes on under its old name when the host gets another', async () => {
    assert.equal(inside('hostname', 'renamed').status, 0);
    const before = engine.alerts.length;
    freeze();
    assert.ok(await engine.until(() => engine.alerts.length > before, 5000));
    assert.notEqual(engine.alerts.at(-1)?.hostname, 'renamed');
  });

  test('keeps alerting when the folder of its audit becomes read-only', async () => {
    assert.equal(inside('mount', '--bind', folder, folder).status, 0);
    assert.equal(inside('mount', '-o', 'remount,bind,ro', folder).status, 0);
    const before = engine.alerts.length;
    freeze();
    assert.ok(await engine.until(() => engine.alerts.length > before, 5000));
    const status = (await ask(engine.socket, 'status')) as { engine: { canary: { ok: boolean } } };
    assert.equal(status.engine.canary.ok, true);
    evidence({
      fault: 'host renamed, file system of the audit made read-only',
      expected: 'alerts go on under the name of the start, canary ok, orderly stop',
      result: 'as expected',
    });
  });
});
