import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  CLASSIFIER_PROGRAMS,
  configureTiers,
  type DecidedRecord,
  Enforcer,
  planTiers,
} from '../src/enforce/index.ts';
import { LANGUAGE } from '../src/engine/ruleset.ts';
import { loadRules } from '../src/rules/index.ts';
import { planCapture } from '../src/sensors/calls/capture-plan.ts';
import { RF_FLAG } from '../src/sensors/record/layout.gen.ts';
import type { AnyRec } from '../src/sensors/record/record.gen.ts';
import { KernelSensor } from '../src/sensors/sensor.ts';

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
let sensor: KernelSensor;
let enforcer: Enforcer;
const records: (DecidedRecord & { rule: string | undefined })[] = [];

before(() => {
  if (skip !== false || tiers === undefined) return;
  fs.writeFileSync(`${dir}/key`, 'k');
  for (const name of ['tool', 'watched']) fs.copyFileSync('/usr/bin/touch', `${dir}/${name}`);
  for (const name of ['tool', 'watched']) fs.chmodSync(`${dir}/${name}`, 0o755);
  const { rules: set } = loadRules([{ name: 'test', text: rules }], LANGUAGE);
  const plan = planCapture([{ events: ['open', 'openat', 'openat2'], fields: ['fd.name', 'proc.name'] }]);
  sensor = KernelSensor.open({
    capture: plan.capture,
    tracepoints: plan.tracepoints,
    lifecycle: true,
    ringBytes: 1 << 20,
    priorityRingBytes: 1 << 20,
    ignorePid: process.pid,
    programs: [...CLASSIFIER_PROGRAMS, ...tiers.hooks],
    configure: (object) => configureTiers(object, tiers),
  });
  enforcer = new Enforcer({
    object: sensor.object,
    control: sensor.control,
    tiers: { ...tiers, cgroup: undefined },
    stateDir: `${dir}/state`,
    mode: 'enforce',
    pin: false,
    protectedExecutables: [],
    maxDenialsPerMinute: 0,
    onTamper: () => {},
    onTrip: (rule) => assert.fail(`${rule} tripped`),
  });
  assert.deepEqual(enforcer.apply(set!.rules, 'enforce').errors, []);
  enforcer.attach();
  sensor.start({
    record: (rec: AnyRec) => {
      if (rec.clause === 0) return;
      const { clause, policy, nr, flags, kind } = rec;
      const decider = enforcer.decider(rec);
      records.push({
        clause,
        policy,
        nr,
        flags,
        kind,
        rule: decider?.kind === 'rule' ? decider.name : undefined,
      });
    },
    batchEnd() {},
    loss() {},
    failed: (error) => assert.fail(String(error)),
  });
  enforcer.seed();
});

after(() => {
  enforcer?.close();
  sensor?.close();
  fs.rmSync(dir, { recursive: true });
});

const drained = (): typeof records => {
  while (sensor.drain() > 0);
  return records.splice(0);
};

test('who opens a file that a rule kills for is killed, others are not', { skip }, () => {
  assert.equal(spawnSync('cat', [`${dir}/key`]).signal, 'SIGKILL');
  const [record] = drained();
  assert.equal(record?.rule, 'Kill reader');
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
  drained();
  assert.equal(spawnSync(`${dir}/tool`, [`${dir}/made`]).signal, 'SIGKILL');
  assert.equal(fs.existsSync(`${dir}/made`), false);
  const [record] = drained();
  assert.equal(record?.rule, 'No tool');
  assert.ok(((record?.flags ?? 0) & RF_FLAG.KILLED) !== 0);
});

test('a rule that watches says what it would have done', { skip }, () => {
  drained();
  assert.equal(spawnSync(`${dir}/watched`, [`${dir}/made`]).status, 0);
  const [record] = drained();
  assert.equal(record?.rule, 'Only watched');
  assert.ok(((record?.flags ?? 0) & RF_FLAG.WOULD_DENY) !== 0);
});
