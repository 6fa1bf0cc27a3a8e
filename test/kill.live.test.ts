import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { planTiers } from '../src/enforce/index.ts';
import { planCapture } from '../src/sensors/calls/capture-plan.ts';
import { RF_FLAG } from '../src/sensors/record/layout.gen.ts';
import { takeSlots } from '../src/sensors/testing/slots.ts';
import { Denial } from './lib/denial.ts';

/** The tier without security hooks: what breaks a rule is killed. */
const tiers = process.getuid?.() === 0 ? planTiers() : undefined;
const skip =
  tiers === undefined ? 'needs root' : tiers.exec === 'signal' ? false : `the tier here is ${tiers.exec}`;
const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'rf-kill-')));
const rules = `
- rule: Kill reader
  desc: Who reads the key is killed.
  condition: evt.type in (open, openat, openat2) and fd.name = ${dir}/key and not proc.name = tail
  output: key %fd.name
  priority: CRITICAL
  enforce: kill
- rule: No tool
  desc: The tool does not run.
  condition: evt.type in (execve, execveat) and proc.exepath = ${dir}/tool
  output: tool %proc.name
  priority: CRITICAL
  enforce: deny
- rule: Only watched
  desc: This one only says what it would do.
  condition: evt.type in (execve, execveat) and proc.exepath = ${dir}/watched
  output: tool %proc.name
  priority: CRITICAL
  enforce: deny
  mode: monitor
`;
let denial: Denial;
let crowded = false;

before(() => {
  if (skip !== false || tiers === undefined) return;
  fs.writeFileSync(`${dir}/key`, 'k');
  for (const name of ['tool', 'watched']) fs.copyFileSync('/usr/bin/touch', `${dir}/${name}`);
  for (const name of ['tool', 'watched']) fs.chmodSync(`${dir}/${name}`, 0o755);
  const capture = planCapture([{ events: ['open', 'openat', 'openat2'], reads: [] }]);
  denial = new Denial(rules, {
    tiers: { ...tiers, cgroup: undefined },
    stateDir: `${dir}/state`,
    capture,
    loss: () => assert.ok(crowded),
  });
});

after(() => {
  denial?.close();
  fs.rmSync(dir, { recursive: true });
});

test('who opens a file that a rule kills for is killed, others are not', { skip }, () => {
  assert.equal(spawnSync('cat', [`${dir}/key`]).signal, 'SIGKILL');
  const [record] = denial.told();
  assert.equal(record?.by, 'Kill reader');
  assert.ok(((record?.flags ?? 0) & RF_FLAG.KILLED) !== 0);
  assert.equal(spawnSync('tail', [`${dir}/key`]).status, 0);
  assert.equal(spawnSync('cat', ['/etc/hostname']).status, 0);
});

test('a relative path and .. do not save it', { skip }, () => {
  assert.equal(spawnSync('cat', ['./x/../key'], { cwd: dir }).status, 1);
  fs.mkdirSync(`${dir}/x`);
  assert.equal(spawnSync('cat', ['./x/..//key'], { cwd: dir }).signal, 'SIGKILL');
});

test('a program that a rule denies is killed before its first instruction', { skip }, () => {
  denial.told();
  assert.equal(spawnSync(`${dir}/tool`, [`${dir}/made`]).signal, 'SIGKILL');
  assert.equal(fs.existsSync(`${dir}/made`), false);
  const [record] = denial.told();
  assert.equal(record?.by, 'No tool');
  assert.ok(((record?.flags ?? 0) & RF_FLAG.KILLED) !== 0);
});

test('a rule that watches says what it would have done', { skip }, () => {
  denial.told();
  assert.equal(spawnSync(`${dir}/watched`, [`${dir}/made`]).status, 0);
  const [record] = denial.told();
  assert.equal(record?.by, 'Only watched');
  assert.ok(((record?.flags ?? 0) & RF_FLAG.WOULD_DENY) !== 0);
});

test('neither is missed while every place to write a record in is taken', { skip }, () => {
  crowded = true;
  takeSlots(denial.sensor.object, true);
  try {
    assert.equal(spawnSync(`${dir}/tool`, [`${dir}/made`]).signal, 'SIGKILL');
  } finally {
    takeSlots(denial.sensor.object, false);
  }
});
