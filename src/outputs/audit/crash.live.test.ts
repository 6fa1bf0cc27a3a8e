import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import Sqlite from 'better-sqlite3';
import { query } from './query.ts';
import { type AuditState, AuditStore } from './store.ts';
import { folderPerTest, sampleEntries, writerOptions } from './testing.ts';
import { verifyFolder } from './verify.ts';
import { AuditWriter } from './writer.ts';

const temporary = folderPerTest();
const compiled = import.meta.url.endsWith('.js');
const skip = compiled ? false : 'needs the compiled tree: threads cannot load TypeScript';
const ROUNDS = Number(process.env.RINGFENCE_CRASH_ROUNDS ?? 20);

/** Runs the writer until `ms` after its first acknowledgement, kills it, and returns what it acknowledged. */
async function runAndKill(folder: string, from: number, ms: number): Promise<number[]> {
  const script = fileURLToPath(new URL('./testing-writer.js', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [script, folder, String(from)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const acknowledged: number[] = [];
  child.stdout!.once('data', () => setTimeout(() => child.kill('SIGKILL'), ms));
  for await (const line of createInterface({ input: child.stdout! })) {
    if (/^\d+$/.test(line)) acknowledged.push(Number(line));
  }
  await ended;
  return acknowledged;
}

function numbers(folder: string): number[] {
  return [...query(folder, { kinds: ['alert'] })].map(({ uuid }) => Number(uuid.slice(-12)));
}

test('whatever moment the writer is killed at, what it acknowledged is there once and the chain is unbroken', {
  skip,
}, async (t) => {
  const folder = join(temporary(), 'audit');
  const acknowledged = new Set<number>();
  let from = 1;
  for (let round = 0; round < ROUNDS; round++) {
    const lines = await runAndKill(folder, from, Math.random() * 60);
    // The last line may be cut: 12345 killed after "123" would be a number that was never acknowledged.
    for (const n of lines.slice(0, -1)) acknowledged.add(n);
    const report = verifyFolder(folder);
    assert.deepEqual(report.problems, [], `round ${round}`);
    const written = numbers(folder);
    const unique = new Set(written);
    assert.equal(unique.size, written.length, `round ${round}: an alert is there twice`);
    for (const n of acknowledged)
      assert.ok(unique.has(n), `round ${round}: alert ${n} was acknowledged and is gone`);
    from = Math.max(0, ...written) + 5;
  }
  const files = readdirSync(folder).filter((name) => name.endsWith('.db')).length;
  t.diagnostic(`${ROUNDS} kills, ${acknowledged.size} acknowledged alerts, ${files} files`);
  assert.ok(acknowledged.size > ROUNDS);
});

test('a full disk holds nobody up, is reported, and leaves an unbroken chain when there is room again', {
  skip: skip || (process.geteuid?.() === 0 ? canMount() : 'needs root to mount a small file system'),
}, async () => {
  const mount = join(temporary(), 'small');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m', 'ringfence-test', mount]);
  try {
    const states: AuditState[] = [];
    const folder = join(mount, 'audit');
    const ballast = join(mount, 'ballast');
    const timing = { anchorIntervalMs: 0, waitMs: 2_000, maxQueued: 50_000 };
    const store = await AuditStore.open(
      { ...writerOptions(folder), ...timing },
      { onState: (s) => states.push(s) },
    );
    assert.equal(await store.append(sampleEntries(1, 100)), 'committed');
    fill(ballast);
    let n = 100;
    let outcome = 'committed';
    while (outcome === 'committed' && n < 5_000) {
      outcome = await store.append(sampleEntries(n + 1, n + 100));
      n += 100;
    }
    assert.equal(outcome, 'deferred');
    assert.match(states.at(-1)?.reason ?? '', /full/);
    for (let i = 0; i < 20; i++) {
      assert.equal(await store.append(sampleEntries(n + 1, n + 10)), 'deferred');
      n += 10;
    }
    rmSync(ballast);
    assert.equal(await store.close(10_000), 0);
    assert.equal(states.at(-1)?.ok, true);
    assert.deepEqual(
      numbers(folder),
      Array.from({ length: n }, (_, i) => i + 1),
    );
    assert.deepEqual(verifyFolder(folder).problems, []);
  } finally {
    execFileSync('umount', [mount]);
  }
});

test('a file whose writer was killed while it became a single one is read as it was, and not changed', () => {
  const audit = join(temporary(), 'audit');
  const killed = join(temporary(), 'killed');
  const writer = new AuditWriter(writerOptions(audit));
  writer.append(sampleEntries(1, 50));
  cpSync(audit, killed, { recursive: true });
  writer.close();
  const name = readdirSync(killed).find((file) => file.endsWith('.db')) ?? '';
  const db = new Sqlite(join(killed, name));
  db.pragma('journal_mode = DELETE');
  db.pragma('cache_size = 5');
  db.exec('BEGIN; CREATE TABLE half (done)');
  const insert = db.prepare('INSERT INTO half VALUES (zeroblob(500))');
  for (let n = 0; n < 300; n++) insert.run();
  const [half, journal] = ['', '-journal'].map((suffix) => readFileSync(join(killed, name + suffix)));
  db.exec('ROLLBACK');
  db.close();
  writeFileSync(join(killed, name), half ?? '');
  writeFileSync(join(killed, `${name}-journal`), journal ?? '');
  assert.equal(numbers(killed).length, 50);
  assert.deepEqual(verifyFolder(killed).problems, []);
  assert.deepEqual(readFileSync(join(killed, name)), half);
});

test('a copy on read-only media can be read and verified, with and without a WAL', {
  skip: process.geteuid?.() === 0 ? canMount() : 'needs root to mount a small file system',
}, () => {
  const audit = join(temporary(), 'audit');
  const mount = join(temporary(), 'media');
  mkdirSync(mount);
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=20m', 'ringfence-test', mount]);
  try {
    const writer = new AuditWriter(writerOptions(audit));
    writer.append(sampleEntries(1, 50));
    cpSync(audit, join(mount, 'killed'), { recursive: true });
    writer.close();
    cpSync(audit, join(mount, 'stopped'), { recursive: true });
    for (const name of ['killed', 'stopped']) {
      for (const file of readdirSync(join(mount, name)))
        if (file.endsWith('-shm')) rmSync(join(mount, name, file));
    }
    execFileSync('mount', ['-o', 'remount,ro', mount]);
    for (const name of ['killed', 'stopped']) {
      assert.equal(numbers(join(mount, name)).length, 50, name);
      assert.deepEqual(verifyFolder(join(mount, name)).problems, [], name);
    }
  } finally {
    execFileSync('umount', [mount]);
  }
});

/** Leaves about 100 KiB. */
function fill(path: string): void {
  const block = Buffer.alloc(64 * 1024);
  const blocks: Buffer[] = [];
  for (let size = 0; size < 64; size++) {
    blocks.push(block);
    try {
      writeFileSync(path, Buffer.concat(blocks));
    } catch {
      writeFileSync(path, Buffer.concat(blocks.slice(2)));
      return;
    }
  }
}

function canMount(): string | false {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'ringfence-test', '/mnt'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'needs the right to mount';
  }
}
