import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { openTracefs } from '../../sensors/bpf/tracefs.ts';
import { knownRuntimes } from '../enrich/runtimes.ts';
import { examine, exitCodeOf } from './check.ts';
import { hostChecks, kernelVersion, missingCapabilities } from './host.ts';

test('kernel releases compare by major and minor number', () => {
  assert.equal(kernelVersion('5.10.0-33-amd64'), 5010);
  assert.equal(kernelVersion('6.18.44'), 6018);
  assert.equal(kernelVersion('next'), undefined);
});

test('capabilities that are missing are read from the mask of /proc/self/status', () => {
  assert.deepEqual(missingCapabilities('000001ffffffffff'), []);
  assert.deepEqual(missingCapabilities('000001feffffffff').sort(), []);
  assert.deepEqual(missingCapabilities('000001fffff7ffff'), ['CAP_SYS_PTRACE']);
  assert.deepEqual(missingCapabilities('000000c000001004'), ['CAP_SYS_PTRACE']);
  assert.equal(missingCapabilities('0').length, 5);
});

test('the runtimes that are found are those that the engine asks', async () => {
  const root = mkdtempSync(join(tmpdir(), 'rf-doctor-'));
  const found = async (): Promise<string | undefined> => {
    const checks = hostChecks({ state_dir: root, socket: join(root, 'control.sock'), root });
    return (await examine(checks.filter(({ name }) => name === 'runtimes')))[0]?.found;
  };
  try {
    assert.match((await found()) ?? '', /no container runtime/);
    const sockets = ['run/host-containerd/containerd.sock', 'run/crio/crio.sock'];
    for (const socket of sockets) {
      mkdirSync(join(root, dirname(socket)), { recursive: true });
      writeFileSync(join(root, socket), '');
    }
    assert.equal(await found(), sockets.map((socket) => join(root, socket)).join(', '));
    const asked = knownRuntimes(root).filter(({ available }) => available);
    assert.deepEqual(
      asked.map(({ name }) => name),
      ['containerd', 'containerd', 'cri-o'],
    );
  } finally {
    rmSync(root, { recursive: true });
  }
});

test('a check that throws is unknown, and the exit code tells permission from the rest', async () => {
  const reports = await examine([
    { name: 'a', title: 'A', run: () => Promise.reject(new Error('odd')) },
    { name: 'b', title: 'B', run: () => ({ status: 'warn', found: 'x' }) },
  ]);
  assert.deepEqual(
    reports.map((r) => [r.status, r.found]),
    [
      ['unknown', 'odd'],
      ['warn', 'x'],
    ],
  );
  assert.equal(exitCodeOf(reports), 0);
  const failed = { name: 'c', title: 'C', status: 'fail', found: '' } as const;
  assert.equal(exitCodeOf([...reports, failed]), 4);
  assert.equal(exitCodeOf([...reports, failed, { ...failed, denied: true }]), 5);
});

test('tracefs that is not mounted is no trouble where the engine can open its own', async () => {
  const checks = hostChecks({ state_dir: '/tmp', socket: '/tmp/x', root: '' });
  const [report] = await examine(checks.filter(({ name }) => name === 'tracefs'));
  const tracefs = openTracefs();
  tracefs?.close();
  assert.equal(report?.status, tracefs === undefined ? 'warn' : 'ok');
  assert.equal(report?.advice !== undefined, tracefs === undefined);
});
