import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../src/engine/control/client.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { performScenario, SESSION_FIELD } from '../lib/scenario.ts';

const rule = (name: string, file: string): string => `- rule: ${name}
  desc: test
  condition: evt.type in (open, openat, openat2) and fd.name = ${file}
  output: opened %fd.name
  priority: INFO
`;
const opens = (file: string) => ({ name: file, steps: [{ open: file }], expect: [{ rule: 'x' }] });
const HOSTS = rule('Hosts', '/etc/hosts');

/** Whether a process has a handler for SIGHUP. */
function hearsHangup(pid: number): boolean {
  const caught = /^SigCgt:\s+([0-9a-f]+)/m.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))?.[1] ?? '0';
  return (BigInt(`0x${caught}`) & 1n) === 1n;
}

describe('an engine that is told things at bad moments', { skip: liveSkip() }, () => {
  test('SIGHUP before it is ready does not end it, and is obeyed then', async () => {
    const engine = LiveEngine.spawn({ rules: HOSTS });
    const logged = (text: string): boolean => engine.log.some(({ msg }) => msg === text);
    try {
      assert.ok(await engine.until(() => hearsHangup(engine.process.pid ?? 0), 5000));
      assert.ok(!logged('ready'));
      for (let n = 0; n < 20; n++) engine.process.kill('SIGHUP');
      assert.ok(await engine.until(() => logged('ready') && logged('reloaded'), 30_000), engine.stderr);
    } finally {
      await engine.stop();
    }
  });

  test('SIGUSR1 opens outputs anew, and no debugger', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'rf-signals-'));
    const path = join(folder, 'alerts.json');
    const engine = await LiveEngine.start({
      rules: HOSTS,
      config: { outputs: { console: {}, file: { path } } },
    });
    try {
      renameSync(path, join(folder, 'rotated.json'));
      engine.process.kill('SIGUSR1');
      assert.ok(await engine.until(() => existsSync(path), 5000));
      assert.doesNotMatch(engine.stderr, /Debugger/);
    } finally {
      await engine.stop();
      rmSync(folder, { recursive: true });
    }
  });

  test('it goes on when nobody reads its log any more', async () => {
    const engine = await LiveEngine.start({ config: SESSION_FIELD, rules: HOSTS });
    try {
      engine.process.stderr?.destroy();
      for (let n = 0; n < 2; n++) await ask(engine.socket, 'reload');
      const [alert] = await performScenario(engine, opens('/etc/hosts'));
      assert.equal(alert?.rule, 'Hosts');
    } finally {
      assert.equal(await engine.stop(), 0);
    }
  });

  test('rules that are written while others are being loaded are loaded too', async () => {
    const engine = await LiveEngine.start({ config: SESSION_FIELD, rules: HOSTS });
    const file = join(engine.folder, 'rules.yaml');
    try {
      // Nothing of the start is under way any more.
      await ask(engine.socket, 'reload');
      writeFileSync(
        file,
        Array.from({ length: 2000 }, (_, i) => rule(`Rule ${i}`, `/etc/none${i}`)).join(''),
      );
      const first = ask(engine.socket, 'reload');
      await sleep(300);
      writeFileSync(file, rule('Group', '/etc/group'));
      await Promise.all([first, ask(engine.socket, 'reload')]);
      const [alert] = await performScenario(engine, opens('/etc/group'));
      assert.equal(alert?.rule, 'Group');
    } finally {
      await engine.stop();
    }
  });
});
