import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import type { PolicyRule } from '../clauses/condition.ts';
import { compilePolicy } from './compile.ts';
import { identifier } from './identify.ts';
import { type Label, policyLabels } from './labels.ts';

const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-labels-'));
after(() => fs.rmSync(dir, { recursive: true }));

/** Of a rule with one check on one event. */
function labelsOf(event: string, field: string, op: string, path: string): Label[] {
  const rule: PolicyRule = {
    name: event,
    condition: { kind: 'check', check: { field, op, values: [path], text: `${field} ${op} ${path}` } },
    events: new Set([event]),
    enforce: 'deny',
    mode: 'enforce',
  };
  return policyLabels(compilePolicy([rule], 1).policy, identifier());
}

test('a symbolic link is labelled itself where it is what is removed, else what it leads to', () => {
  fs.writeFileSync(`${dir}/file`, '');
  fs.symlinkSync('file', `${dir}/link`);
  const inodes = (event: string, field: string) =>
    labelsOf(event, field, '=', `${dir}/link`).map(({ ino }) => ino);
  const { ino: file } = fs.statSync(`${dir}/link`, { bigint: true });
  const { ino: link } = fs.lstatSync(`${dir}/link`, { bigint: true });
  assert.notEqual(file, link);
  assert.deepEqual(inodes('open', 'fd.name'), [file]);
  assert.deepEqual(inodes('unlink', 'fs.path.name'), [link]);
  assert.deepEqual(inodes('rename', 'fs.path.source'), [link]);
});

test('a name is bytes: beyond ASCII, and not even UTF-8', () => {
  for (const name of [Buffer.from('m\u00fcller'), Buffer.from([0xff, 0xfe])]) {
    const file = Buffer.concat([Buffer.from(`${dir}/`), name]);
    fs.writeFileSync(file, '');
    const { ino } = fs.statSync(file, { bigint: true });
    const found = labelsOf('open', 'fd.name', '=', file.toString('latin1'));
    assert.deepEqual(
      found.map((label) => label.ino),
      [ino],
    );
  }
});
