import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { MODULE_EXTENSION } from '../outputs/testing/run-module.ts';
import { watchPaths } from './watch.ts';

const fail = (folder: string, error: unknown): void => assert.fail(`${folder}: ${error}`);

test('several writes are one change; a file that replaces another counts; other files do not', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-watch-'));
  const file = join(folder, 'a.yaml');
  writeFileSync(file, '1');
  let changes = 0;
  const end = watchPaths([file], () => changes++, fail, { settleMs: 100 });
  try {
    writeFileSync(file, '2');
    writeFileSync(file, '3');
    await sleep(400);
    assert.equal(changes, 1);
    writeFileSync(join(folder, 'b.txt'), '');
    await sleep(400);
    assert.equal(changes, 1);
    writeFileSync(join(folder, 'new.yaml'), '4');
    renameSync(join(folder, 'new.yaml'), file);
    await sleep(400);
    assert.equal(changes, 2);
  } finally {
    end();
    rmSync(folder, { recursive: true });
  }
  assert.equal(changes, 2);
});

test('what changed before anybody watched counts, if it was after the given time', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-watch-'));
  const file = join(folder, 'a.yaml');
  writeFileSync(file, '1');
  let changes = 0;
  const watchSince = async (since: number): Promise<number> => {
    const before = changes;
    const end = watchPaths([file], () => changes++, fail, { settleMs: 10, since });
    await sleep(200);
    end();
    return changes - before;
  };
  try {
    assert.equal(await watchSince(Date.now() + 1000), 0);
    assert.equal(await watchSince(Date.now() - 60_000), 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a ConfigMap of Kubernetes changes by a link that is turned', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-watch-'));
  const version = (name: string, text: string): void => {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, 'a.yaml'), text);
    symlinkSync(name, join(folder, '..data_tmp'));
    renameSync(join(folder, '..data_tmp'), join(folder, '..data'));
  };
  version('..2026_01', '1');
  symlinkSync('..data/a.yaml', join(folder, 'a.yaml'));
  let changes = 0;
  const end = watchPaths([folder], () => changes++, fail, { settleMs: 50 });
  try {
    version('..2026_02', '2');
    await sleep(400);
    assert.equal(changes, 1);
  } finally {
    end();
    rmSync(folder, { recursive: true });
  }
});

const namespaced = (script: string) => {
  const line = `echo 0 >/proc/sys/user/max_inotify_instances && exec "$0" ${MODULE_EXTENSION === '.ts' ? '--import tsx ' : ''}--input-type=module -e "$1"`;
  return spawnSync('unshare', ['--user', '--map-root-user', 'sh', '-c', line, process.execPath, script], {
    encoding: 'utf8',
  });
};
const canLimit = namespaced('').status === 0;

test('a system without watches to give is told of, and ends nothing', {
  skip: canLimit ? false : 'needs namespaces',
}, () => {
  const module = new URL(`./watch${MODULE_EXTENSION}`, import.meta.url).href;
  const script = `const { watchPaths } = await import(${JSON.stringify(module)});
    watchPaths(['/tmp'], () => {}, (folder, error) => console.log(folder, error.code))();`;
  const run = namespaced(script);
  assert.deepEqual([run.status, run.stdout], [0, '/tmp EMFILE\n'], run.stderr);
});
