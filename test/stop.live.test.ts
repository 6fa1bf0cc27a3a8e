import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  closeSync,
  constants,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { liveSkip } from './lib/engine.ts';
import { SLOWNESS } from './lib/slowness.ts';

const START_MS = 60_000 * SLOWNESS;
const END_MS = 10_000 * SLOWNESS;

describe('nobody reads what is printed', { skip: liveSkip() }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-stop-'));
  const rules = join(folder, 'rules.yaml');
  writeFileSync(
    rules,
    '- rule: Open\n  desc: d\n  condition: evt.type = openat\n  output: o\n  priority: INFO\n',
  );
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const pipe = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  after(() => {
    closeSync(pipe);
    rmSync(folder, { recursive: true });
  });

  const watching = ['events', '-t', 'openat', '-o', 'json'];
  const engine = [
    ...['run', '-r', rules, '--set', `state_dir=${folder}/state`],
    ...['--set', `control.socket=${folder}/control.sock`],
  ];
  for (const [name, args] of [
    ['events', watching],
    ['top', ['top', '-t', 'openat', '--interval', '100ms']],
    ['run', engine],
  ] as const) {
    test(`SIGTERM ends ${name}`, async () => {
      const child = start(args, path);
      await untilWritten(pipe);
      fill(pipe);
      await openFiles();
      child.kill('SIGTERM');
      await ended(child);
      assert.equal(child.exitCode, 0);
    });
  }

  test('SIGTERM ends what --duration has stopped and what still waits to be read', async () => {
    const child = start([...watching, '--duration', '3s'], path);
    await untilWritten(pipe);
    fill(pipe);
    await openFiles();
    await until(() => !watches(child));
    assert.equal(child.exitCode, null, 'nothing waits to be read');
    child.kill('SIGTERM');
    await ended(child);
    assert.equal(child.exitCode, 0);
  });
});

/** Waits until something is written into a pipe, and takes all that is in it. */
async function untilWritten(pipe: number): Promise<void> {
  empty(pipe);
  await until(() => {
    readFileSync('/etc/hostname');
    return empty(pipe) > 0;
  });
}

function empty(pipe: number): number {
  return asMuchAsGoes(() => readSync(pipe, Buffer.alloc(4096)));
}

/** Nothing more goes into the pipe. */
function fill(pipe: number): void {
  asMuchAsGoes(() => writeSync(pipe, Buffer.alloc(4096)));
}

function asMuchAsGoes(some: () => number): number {
  let bytes = 0;
  try {
    for (;;) bytes += some();
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'EAGAIN');
  }
  return bytes;
}

/** Its end of the pipe is opened anew: O_NONBLOCK, which Node sets and clears, is shared by all copies of one opening. */
function start(args: readonly string[], path: string): ChildProcess {
  const output = openSync(path, constants.O_WRONLY);
  const child = spawn(join(PACKAGE_ROOT, 'bin/ringfence'), args, {
    env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' },
    stdio: ['ignore', output, output],
  });
  closeSync(output);
  const end = (): void => void child.kill('SIGKILL');
  process.once('exit', end);
  child.once('exit', () => process.off('exit', end));
  return child;
}

/** Whether it has anything in the kernel. */
function watches({ pid }: ChildProcess): boolean {
  const folder = `/proc/${pid}/fd`;
  try {
    return readdirSync(folder).some((fd) => readlinkSync(join(folder, fd)).includes('bpf'));
  } catch {
    // A descriptor, or the process, went away meanwhile.
    return existsSync(folder);
  }
}

/** Things to print, for a while. */
async function openFiles(): Promise<void> {
  for (let i = 0; i < 200; i++) {
    readFileSync('/etc/hostname');
    await sleep(5);
  }
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + START_MS;
  while (!condition()) {
    assert.ok(performance.now() < end, 'it took too long');
    await sleep(20);
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exit = once(child, 'exit');
  const inTime = await Promise.race([exit, sleep(END_MS, false, { ref: false })]);
  if (inTime === false) child.kill('SIGKILL');
  assert.ok(inTime, 'it did not end');
}
