import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { notifyServiceManager, startServiceNotice } from './service.ts';

const skip = spawnSync('socat', ['-V']).status === 0 ? false : 'needs socat';

test('the service manager hears of readiness and the end, and of life only while the engine thread answers', {
  skip,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-notify-'));
  const path = join(folder, 'notify');
  const manager = spawn('socat', ['-u', `UNIX-RECV:${path}`, 'STDOUT']);
  let heard = '';
  manager.stdout.on('data', (chunk) => {
    heard += chunk;
  });
  const until = async (text: string): Promise<boolean> => {
    for (let n = 0; n < 200 && !heard.includes(text); n++) await sleep(10);
    return heard.includes(text);
  };
  try {
    for (let n = 0; n < 200 && !existsSync(path); n++) await sleep(10);
    process.env.NOTIFY_SOCKET = path;
    process.env.WATCHDOG_USEC = '40000';
    let alive: () => Promise<unknown> = () => new Promise(() => {});
    const end = startServiceNotice(() => alive());
    assert.ok(await until('READY=1'));
    await sleep(150);
    alive = () => Promise.reject(new Error('the thread is gone'));
    await sleep(150);
    assert.doesNotMatch(heard, /WATCHDOG/, 'a thread that is stuck or gone feeds nobody');
    alive = () => Promise.resolve(true);
    assert.ok(await until('WATCHDOG=1'));
    end();
    assert.ok(await until('STOPPING=1'));
  } finally {
    delete process.env.NOTIFY_SOCKET;
    delete process.env.WATCHDOG_USEC;
    manager.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});

test('a service manager may have an abstract address, and may be gone', { skip }, async () => {
  const name = `rf-notify-${process.pid}`;
  const manager = spawn('socat', ['-u', `ABSTRACT-RECV:${name}`, 'STDOUT']);
  let heard = '';
  manager.stdout.on('data', (chunk) => {
    heard += chunk;
  });
  let told = false;
  for (let n = 0; n < 200 && !told; n++) {
    told = notifyServiceManager('READY=1', `@${name}`);
    if (!told) await sleep(10);
  }
  for (let n = 0; n < 200 && heard === ''; n++) await sleep(10);
  const closed = once(manager, 'close');
  manager.kill('SIGKILL');
  await closed;
  assert.equal(heard, 'READY=1');
  assert.equal(notifyServiceManager('READY=1', `@${name}`), false);
  assert.equal(notifyServiceManager('READY=1', '/nowhere/notify'), false);
});

test('a service manager that hangs does not hang the engine', { skip, timeout: 20_000 }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-notify-'));
  const path = join(folder, 'notify');
  const manager = spawn('socat', ['-u', `UNIX-RECV:${path}`, 'STDOUT']);
  let heard = '';
  manager.stdout.on('data', (chunk) => {
    heard += chunk;
  });
  let end = (): void => {};
  try {
    for (let n = 0; n < 200 && !existsSync(path); n++) await sleep(10);
    manager.kill('SIGSTOP');
    let told = 0;
    while (told < 100_000 && notifyServiceManager('WATCHDOG=1', path)) told++;
    assert.ok(told > 0 && told < 100_000, `${told}`);
    process.env.NOTIFY_SOCKET = path;
    end = startServiceNotice(() => Promise.resolve());
    manager.kill('SIGCONT');
    for (let n = 0; n < 500 && !heard.includes('READY=1'); n++) await sleep(10);
    assert.match(heard, /READY=1/, 'what is said once is said until it is heard');
  } finally {
    delete process.env.NOTIFY_SOCKET;
    end();
    manager.kill('SIGKILL');
    rmSync(folder, { recursive: true });
  }
});
