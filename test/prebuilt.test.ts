import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

const manifest = (root: string): string => fs.readFileSync(path.join(root, 'prebuilt/MANIFEST'), 'utf8');

const SOURCES = path.join(PACKAGE_ROOT, 'bpf/lsm');
const built = /^compiler (.*)$/m.exec(manifest(SOURCES))?.[1];
const here = spawnSync('clang', ['--version'], { encoding: 'utf8' }).stdout?.split('\n')[0];

test('the prebuilt BPF objects are what their sources make, wherever they are built', {
  skip: here === built ? false : `needs ${built}, here is ${here ?? 'no clang'}`,
}, () => {
  const root = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-prebuilt-'));
  try {
    fs.cpSync(SOURCES, root, { recursive: true, filter: (file) => !/\/(build|prebuilt)$/.test(file) });
    execFileSync('make', ['-s', '-C', root], { encoding: 'utf8' });
    assert.equal(manifest(root), manifest(SOURCES));
  } finally {
    fs.rmSync(root, { recursive: true });
  }
});
