import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { ask } from '../../src/engine/control/client.ts';
import { query } from '../../src/outputs/audit/query.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { assertFigures } from '../lib/figures.ts';
import { emptyMap } from './host.ts';

const RULES = `- rule: Everything that is opened
  desc: So that a canary which became an event would be an alert.
  condition: evt.type in (open, openat, openat2) and proc.cmdline contains rf-live-
  output: opened %fd.name by %proc.pid
  priority: INFO
`;
const folder = mkdtempSync(join(tmpdir(), 'rf-canary-'));
const audit = join(folder, 'audit');
const PORT = 20_000 + (process.pid % 10_000);

describe('the canary', { skip: liveSkip() }, () => {
  let engine: LiveEngine;
  before(async () => {
    engine = await LiveEngine.start({
      rules: RULES,
      config: {
        canary: { interval: '200ms' },
        http: { enabled: true, listen: `127.0.0.1:${PORT}` },
        outputs: { console: {}, audit: { path: audit } },
      },
    });
  });
  after(async () => {
    await engine?.stop();
    rmSync(folder, { recursive: true });
  });

  const state = async () => {
    const { engine: inner } = (await ask(engine.socket, 'status')) as {
      engine: { canary: { ok: boolean; call: string; sent: number; seen: number } };
    };
    return inner.canary;
  };
  const ready = async () => (await fetch(`http://127.0.0.1:${PORT}/readyz`)).status;

  test('comes back from the kernel and is no event for rules', async () => {
    assert.ok(await engine.until(() => false, 1000).then(async () => (await state()).seen >= 3));
    const { ok, call, sent, seen } = await state();
    assert.deepEqual([ok, call], [true, 'openat']);
    assert.ok(sent - seen <= 1, `${seen} of ${sent} came back`);
    assert.equal(await ready(), 200);
    for (const name of ['canary_ok', 'audit_chain_ok', 'audit_writing'])
      await assertFigures(engine, name, [{ value: 1 }]);
    const own = engine.alerts.filter((alert) => alert.output.endsWith(`by ${engine.process.pid}`));
    assert.deepEqual(own, []);
  });

  test('stays away when somebody tampers with what the programs look at: alert, not ready, and a row in the audit', async () => {
    emptyMap(engine.process.pid ?? 0, 'capture');
    const raised = () => engine.alerts.some((alert) => alert.rule === 'Ringfence internal: canary missing');
    assert.ok(await engine.until(raised, 5000));
    assert.equal(await ready(), 503);
    assert.equal((await state()).ok, false);
    await assertFigures(engine, 'canary_ok', [{ value: 0 }]);
    assert.equal(engine.alerts.filter((alert) => alert.rule.includes('canary')).length, 1);
    const rows = [...query(audit, { kinds: ['health'] })].map((row) => JSON.parse(row.body));
    assert.equal(rows.at(-1)?.canary, 'missing');
  });
});

test('without a canary no figure says that the sensors see', { skip: liveSkip() }, async () => {
  const engine = await LiveEngine.start({ rules: RULES, config: { canary: { interval: '0s' } } });
  try {
    await assertFigures(engine, 'policy_generation', [{ value: 1 }]);
    await assertFigures(engine, 'canary_ok', []);
  } finally {
    await engine.stop();
  }
});
