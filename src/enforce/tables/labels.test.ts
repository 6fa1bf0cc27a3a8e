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

/** The objects that a label of this kind is on. */
const inodes = (labels: readonly Label[], kind: keyof Label['lanes'] = 'self'): bigint[] =>
  labels.filter(({ lanes }) => lanes[kind].some((mask) => mask !== 0n)).map(({ ino }) => ino);

test('a symbolic link is labelled itself where it is what is removed, else what it leads to', () => {
  fs.writeFileSync(`${dir}/file`, '');
  fs.symlinkSync('file', `${dir}/link`);
  const named = (event: string, field: string) => inodes(labelsOf(event, field, '=', `${dir}/link`));
  const { ino: file } = fs.statSync(`${dir}/link`, { bigint: true });
  const { ino: link } = fs.lstatSync(`${dir}/link`, { bigint: true });
  assert.notEqual(file, link);
  assert.deepEqual(named('open', 'fd.name'), [file]);
  assert.deepEqual(named('unlink', 'fs.path.name'), [link]);
  assert.deepEqual(named('rename', 'fs.path.source'), [link]);
});

test('a name is bytes: beyond ASCII, and not even UTF-8', () => {
  for (const name of [Buffer.from('m\u00fcller'), Buffer.from([0xff, 0xfe])]) {
    const file = Buffer.concat([Buffer.from(`${dir}/`), name]);
    fs.writeFileSync(file, '');
    const { ino } = fs.statSync(file, { bigint: true });
    assert.deepEqual(inodes(labelsOf('open', 'fd.name', '=', file.toString('latin1'))), [ino]);
  }
});

test('what leads to a named object is labelled too: folders, and links by themselves', () => {
  fs.mkdirSync(`${dir}/way/real/in`, { recursive: true });
  fs.writeFileSync(`${dir}/way/real/in/file`, '');
  fs.symlinkSync('in/file', `${dir}/way/real/last`);
  fs.symlinkSync('../way/real', `${dir}/way/second`);
  fs.symlinkSync(`${dir}/way/second`, `${dir}/way/first`);
  const ino = (name: string): bigint => fs.lstatSync(`${dir}/way/${name}`, { bigint: true }).ino;
  const leads = (event: string, field: string, op: string, path: string): Set<bigint> =>
    new Set(inodes(labelsOf(event, field, op, path), 'above'));
  const above = ['..', '.', 'first', 'second', 'real'].map(ino);
  const file = leads('open', 'fd.name', '=', `${dir}/way/first/last`);
  for (const id of [...above, ino('real/in'), ino('real/last')]) assert.ok(file.has(id));
  const link = leads('unlink', 'fs.path.name', '=', `${dir}/way/first/last`);
  for (const id of above) assert.ok(link.has(id));
  assert.ok(!link.has(ino('real/in')), 'the link is meant, and not what it leads to');
  assert.ok(leads('open', 'fd.name', 'startswith', `${dir}/way/real/in/`).has(ino('real')));
  assert.equal(leads('execve', 'proc.exepath', '=', `${dir}/way/real/in/file`).size, 0);
  assert.ok(!file.has(fs.statSync('/', { bigint: true }).ino));
});
