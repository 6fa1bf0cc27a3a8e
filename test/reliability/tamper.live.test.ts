import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { PIN_DIR, unpinAll } from '../../src/enforce/index.ts';
import { ask } from '../../src/engine/control/client.ts';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import { probe } from '../../src/sensors/bpf/probe.ts';
import { mountBpffs } from '../lib/bpffs.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { answerOf } from '../lib/prober.ts';
import { evidence } from './evidence.ts';
import { heldBy } from './host.ts';

/** Without security hooks tampering cannot be refused: it is undone. */
const DENIED = '127.0.16.1';
const UNDONE = 'Ringfence internal: enforcement undone';
const skip =
  liveSkip() ||
  (probe('lsm').answer === 'yes'
    ? 'needs a kernel without BPF LSM: there it is refused'
    : probe('cgroup_sock_addr').answer !== 'yes'
      ? 'needs cgroup2'
      : existsSync(PIN_DIR)
        ? 'another engine has pinned its enforcement'
        : false);

describe('enforcement that somebody undoes', { skip }, () => {
  let engine: LiveEngine;
  let unmount: (() => void) | undefined;
  before(async () => {
    unmount = mountBpffs();
    engine = await LiveEngine.start({
      rules: '- list: nothing\n  items: []\n',
      config: { mode: 'enforce', enforcement: { pin: true } },
    });
    await ask(engine.socket, 'deny.add', { target: DENIED });
  });
  after(async () => {
    await engine?.stop();
    unpinAll();
    unmount?.();
  });
  const told = () => engine.alerts.filter(({ rule }) => rule === UNDONE);
  /** Waits until a connect gets this answer. */
  async function answers(wanted: string): Promise<boolean> {
    for (let n = 0; n < 100; n++) {
      if ((await answerOf(DENIED)) === wanted) return true;
      await engine.until(() => false, 10);
    }
    return false;
  }

  test('a detached wall is attached again, and told', async () => {
    assert.equal(await answerOf(DENIED), 'EPERM');
    const { link: own } = heldBy(engine.process.pid ?? 0);
    const links = JSON.parse(execFileSync('bpftool', ['-j', 'link', 'show'], { encoding: 'utf8' })) as {
      id: number;
      type: string;
    }[];
    const wall = links.filter(({ id, type }) => type === 'cgroup' && own.has(id));
    assert.ok(wall.length >= 4, `${wall.length} links`);
    for (const { id } of wall) execFileSync('bpftool', ['link', 'detach', 'id', String(id)]);
    assert.ok(await answers('EPERM'));
    assert.ok(await engine.until(() => told().length > 0, 5000));
    assert.match(told()[0]?.output ?? '', /detached.*put back/);
  });

  test('removed pins are made again, and told', async () => {
    const pins = readdirSync(PIN_DIR).sort();
    const before = told().length;
    rmSync(PIN_DIR, { recursive: true });
    assert.ok(await engine.until(() => told().length > before, 5000));
    assert.deepEqual(readdirSync(PIN_DIR).sort(), pins);
    evidence({
      fault: 'the network wall detached by bpftool, pins removed, without security hooks',
      expected: 'put back within a second or two, alert "enforcement undone"',
      result: 'as expected',
    });
  });

  test('`policy unload` is no tampering', async () => {
    const before = told().length;
    const args = ['policy', 'unload', '--socket', engine.socket];
    const env = { ...process.env, RINGFENCE_SKIP_SETUP: '1' };
    assert.equal(spawnSync(join(PACKAGE_ROOT, 'bin/ringfence'), args, { env }).status, 0);
    await engine.until(() => false, 400);
    assert.equal(existsSync(PIN_DIR), false);
    assert.equal(told().length, before);
    assert.equal(await answerOf(DENIED), 'EPERM', 'what runs keeps refusing');
  });
});
