import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { parseAnchor } from '../src/outputs/audit/anchor-lines.ts';
import { query } from '../src/outputs/audit/query.ts';
import { verifyFolder } from '../src/outputs/audit/verify.ts';
import { LiveEngine, liveSkip } from './lib/engine.ts';

const skip = liveSkip();
const folder = mkdtempSync(join(tmpdir(), 'rf-audit-live-'));
after(() => rmSync(folder, { recursive: true }));

/** A program of this test alone, so that nothing else on the machine raises its alerts. */
const program = join(folder, 'rf-audited');
writeFileSync(program, '#!/bin/sh\n', { mode: 0o700 });
const RULES = `
- rule: Audited program
  desc: A program that only this test runs.
  condition: evt.type in (execve, execveat) and proc.cmdline contains rf-audited
  output: ran %proc.cmdline
  priority: NOTICE
`;

function start(audit: string, more: object = {}, config: object = {}): Promise<LiveEngine> {
  const outputs = { console: {}, audit: { path: audit, ...more } };
  // Every alert by itself: the audit is compared with the console.
  return LiveEngine.start({ rules: RULES, config: { outputs, rollup: { after: 1_000_000 }, ...config } });
}

/** What the health check answers, and why. */
function readiness(socketPath: string): Promise<{ status: number | undefined; body: string }> {
  return new Promise((resolve, reject) => {
    get({ socketPath, path: '/readyz' }, (response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        body += chunk;
      });
      response.once('end', () => resolve({ status: response.statusCode, body }));
    }).once('error', reject);
  });
}

/** Runs the program many times in another process. */
function load(times: number): Promise<unknown> {
  const child = spawn('/bin/sh', ['-c', `i=0; while [ $i -lt ${times} ]; do ${program}; i=$((i+1)); done`]);
  return new Promise((resolve) => child.once('close', resolve));
}

function alertsOf(audit: string): string[] {
  return [...query(audit, { kinds: ['alert'] })].map((row) => row.uuid);
}

test('an engine killed under load has every alert that the console got in its audit, once', {
  skip,
}, async (t) => {
  const audit = join(folder, 'killed');
  const seen = new Set<unknown>();
  for (let round = 0; round < 3; round++) {
    const engine = await start(audit);
    const loaded = load(150);
    await engine.until(() => engine.alerts.length > 0, 5_000);
    await sleep(Math.random() * 300);
    await engine.stop('SIGKILL');
    await loaded;
    for (const alert of engine.alerts) seen.add(alert.uuid);
    assert.deepEqual(verifyFolder(audit).problems, []);
  }
  const written = alertsOf(audit);
  const unique = new Set<unknown>(written);
  assert.equal(unique.size, written.length, 'no alert twice');
  assert.deepEqual(
    [...seen].filter((uuid) => !unique.has(uuid)),
    [],
    'no alert missing',
  );
  t.diagnostic(`${seen.size} alerts on the console, ${written.length} in the audit`);
  assert.ok(seen.size > 0);
});

test('start, policy, stop and the reading of the audit are rows, and the chain ends with an anchor', {
  skip,
}, async () => {
  const audit = join(folder, 'life');
  const engine = await start(audit, { anchor_alerts: true });
  const config = join(engine.folder, 'config.yaml');
  const cli = join(PACKAGE_ROOT, 'bin/ringfence');
  execFileSync(cli, ['audit', 'query', '-c', config, '--kind', 'alert'], {
    env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' },
  });
  assert.equal(await engine.stop(), 0);
  const rows = [...query(audit)];
  assert.deepEqual(
    rows.map((row) => row.kind).filter((kind) => kind !== 'alert'),
    ['open', 'start', 'policy', 'read', 'stop', 'anchor'],
  );
  const read = JSON.parse(rows.find((row) => row.kind === 'read')!.body);
  assert.equal(read.actor.uid, 0);
  assert.equal(read.command, 'query');
  const anchors = engine.alerts.flatMap((alert) => parseAnchor(JSON.stringify(alert)) ?? []);
  assert.equal(verifyFolder(audit, { anchors }).anchorsChecked, 1, 'the anchor also went to the console');
  assert.deepEqual(verifyFolder(audit).problems, []);
});

test('with a full disk alerts still reach the console, the log says so, and nothing is missing afterwards', {
  skip,
}, async () => {
  const mount = join(folder, 'small');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'ringfence-test', mount]);
  try {
    const audit = join(mount, 'audit');
    const http = join(folder, 'http.sock');
    const engine = await start(audit, {}, { http: { enabled: true, socket: http } });
    assert.equal((await readiness(http)).status, 200);
    const ballast = join(mount, 'ballast');
    try {
      writeFileSync(ballast, Buffer.alloc(2 << 20));
    } catch {
      // It is full now.
    }
    assert.ok(existsSync(ballast));
    const loaded = load(300);
    assert.ok(await engine.until(() => engine.log.some((line) => line.code === 'E_AUDIT_STALLED'), 60_000));
    const { status, body } = await readiness(http);
    assert.equal(status, 503, body);
    assert.match(body, /"audit":\{"ok":false/);
    await loaded;
    assert.ok(
      await engine.until(() => engine.alerts.length >= 300, 60_000),
      `${engine.alerts.length} alerts`,
    );
    rmSync(ballast);
    assert.ok(await engine.until(() => engine.log.some((line) => line.code === 'W_AUDIT_RESUMED'), 60_000));
    const seen = engine.alerts.map((alert) => alert.uuid);
    assert.equal(await engine.stop(), 0);
    const written = new Set<unknown>(alertsOf(audit));
    assert.deepEqual(
      seen.filter((uuid) => !written.has(uuid)),
      [],
    );
    assert.deepEqual(verifyFolder(audit).problems, []);
  } finally {
    // Lazily: after a failure the engine may still be there.
    execFileSync('umount', ['--lazy', mount]);
  }
});
