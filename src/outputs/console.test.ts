import assert from 'node:assert/strict';
import type { ChildProcess } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ConsoleConfig, humanLine, openConsole } from './console.ts';
import { HOSTILE, testAlert } from './testing/alerts.ts';
import { MODULE_EXTENSION, runModule, runPiped } from './testing/run-module.ts';

test('colour follows the setting, and only `auto` the environment', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-console-'));
  const path = join(folder, 'out');
  const before = process.env.FORCE_COLOR;
  const coloured = async (color: ConsoleConfig['color'], force: string): Promise<boolean> => {
    process.env.FORCE_COLOR = force;
    const fd = openSync(path, 'w');
    try {
      const output = openConsole({ format: 'human', color, stream: 'stdout' }, fd, '1', false);
      await output.send([testAlert(1)], new AbortController().signal);
    } finally {
      closeSync(fd);
    }
    return readFileSync(path, 'utf8').includes('\u001b[');
  };
  try {
    assert.equal(await coloured('auto', '1'), true);
    assert.equal(await coloured('auto', 'false'), false);
    assert.equal(await coloured('never', '1'), false);
    assert.equal(await coloured('always', 'false'), true);
  } finally {
    if (before === undefined) delete process.env.FORCE_COLOR;
    else process.env.FORCE_COLOR = before;
    rmSync(folder, { recursive: true });
  }
});

test('a line for people says time, priority, verdict, rule and message', () => {
  const alert = testAlert(1, { rule: 'Mining', message: 'connection refused', priority: 2 });
  const iso = (changes: Partial<typeof alert>): string => humanLine({ ...alert, ...changes }, false, true);
  assert.equal(iso({}), '2026-07-31T10:15:30.001 Critical Mining: connection refused');
  assert.equal(
    iso({ message: 'Mining (peer=192.0.2.1)' }),
    '2026-07-31T10:15:30.001 Critical Mining (peer=192.0.2.1)',
  );
  assert.equal(
    iso({ guarantee: 'would_deny' }),
    '2026-07-31T10:15:30.001 Critical [would deny] Mining: connection refused',
  );
  assert.match(humanLine(alert, false, false), /^\d\d:\d\d:\d\d\.001 Critical Mining: connection refused$/);
});

test('what an attacker wrote cannot reach the terminal as anything but text', () => {
  const line = humanLine(testAlert(1, { rule: HOSTILE, message: HOSTILE }), true, false);
  // Our own colours are the only escape sequences.
  const bare = line.replaceAll(/\u001b\[[0-9;]+m/g, '');
  assert.doesNotMatch(bare, /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/);
  assert.match(bare, /\\u001b\[31mred/);
  assert.match(bare, /\\u202eevil/);
});

test('a line to the journal begins with the priority of its alert', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-console-'));
  const path = join(folder, 'out');
  const fd = openSync(path, 'w');
  try {
    const config = { format: 'falco_text', color: 'auto', stream: 'stdout' } as const;
    const output = openConsole(config, fd, '1', true);
    await output.send(
      [testAlert(1, { priority: 2 }), testAlert(2, { priority: 5 })],
      new AbortController().signal,
    );
    const lines = readFileSync(path, 'utf8').trim().split('\n');
    assert.match(lines[0] ?? '', /^<2>\d\d:\d\d:.* Critical /);
    assert.match(lines[1] ?? '', /^<5>\d\d:\d\d:.* Notice /);
  } finally {
    closeSync(fd);
    rmSync(folder, { recursive: true });
  }
});

const WRITER = new URL(`./testing/console-writer${MODULE_EXTENSION}`, import.meta.url);

/** A socket, as from a service manager, and a pipe, as from a shell. */
const STARTS: readonly (readonly [name: string, start: () => ChildProcess, sleepMs: number])[] = [
  ['socket', () => runModule(WRITER, []), 2500],
  ['pipe', () => runPiped(WRITER), 0],
];

for (const [name, start, sleepMs] of STARTS) {
  test(`a reader of the ${name} that sleeps finds every alert once, and the process did not wait for it`, async (t) => {
    const child = start();
    t.after(() => child.kill('SIGKILL'));
    const closed = new Promise((resolve) => child.once('close', resolve));
    // Nobody reads for a while: longer than the patience for one attempt. (The pipe has its own reader that sleeps.)
    await new Promise((resolve) => setTimeout(resolve, sleepMs));
    let text = '';
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
    });
    const code = await closed;
    assert.equal(code, 0, 'its event loop never stalled');
    const numbers = text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => Number(/number=(\d+)\)/.exec(line)?.[1]));
    assert.deepEqual(
      numbers,
      Array.from({ length: 3000 }, (_, i) => i),
    );
  });
}
