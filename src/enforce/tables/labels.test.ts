import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { PolicyRule } from '../clauses/condition.ts';
import { compilePolicy } from './compile.ts';
import { identifier, policyLabels } from './labels.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-labels-'));
after(() => fs.rmSync(dir, { recursive: true }));

test('a symbolic link is labelled itself where it is what is removed, else what it leads to', () => {
  fs.writeFileSync(`${dir}/file`, '');
  fs.symlinkSync('file', `${dir}/link`);
  const rule = (event: string, field: string): PolicyRule => ({
    name: event,
    condition: {
      kind: 'check',
      check: { field, op: '=', values: [`${dir}/link`], text: `${field} = ${dir}/link` },
    },
    events: new Set([event]),
    enforce: 'deny',
    mode: 'enforce',
  });
  const inodes = (event: string, field: string) =>
    policyLabels(compilePolicy([rule(event, field)], 1).policy, identifier()).map(({ ino }) => ino);
  const { ino: file } = fs.statSync(`${dir}/link`, { bigint: true });
  const { ino: link } = fs.lstatSync(`${dir}/link`, { bigint: true });
  assert.notEqual(file, link);
  assert.deepEqual(inodes('open', 'fd.name'), [file]);
  assert.deepEqual(inodes('unlink', 'fs.path.name'), [link]);
  assert.deepEqual(inodes('rename', 'fs.path.source'), [link]);
});
