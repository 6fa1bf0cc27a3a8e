import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { planTiers } from '../src/enforce/index.ts';
import { act, buildActs } from './guest/acts.ts';
import { Denial, denyRule } from './lib/denial.ts';

/** Denials of what io_uring does for a process, in the process and in a thread of io_uring's. */
const tiers = process.getuid?.() === 0 ? planTiers() : undefined;
const skip =
  tiers === undefined ? 'needs root' : tiers.wall.length === 0 ? 'no rule can refuse a connect here' : false;
const PORTS = { named: 4441, exempt: 4442, others: 4443 };
const EPERM = -os.constants.errno.EPERM;
const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'rf-uring-')));
let program: string;
let denial: Denial;

before(() => {
  if (skip !== false || tiers === undefined) return;
  const built = buildActs();
  program = built.program;
  const to = (port: number, who: string) =>
    denyRule(`Port ${port}`, `evt.type = connect and fd.sport = ${port} and ${who}`);
  const rules = [
    to(PORTS.named, `proc.exepath = ${program} and proc.name = acts`),
    to(PORTS.exempt, `not proc.exepath = ${program}`),
    to(PORTS.others, 'proc.name = others'),
    tiers.hooks.length === 0
      ? ''
      : denyRule('Not made', 'evt.type = openat and fd.name endswith /refused/made and proc.name = acts'),
  ];
  denial = new Denial(rules.join(''), { tiers, stateDir: `${dir}/state` });
});

after(() => {
  denial?.close();
  fs.rmSync(dir, { recursive: true });
});

for (const how of ['uring', 'async']) {
  test(`a rule on a program holds for what io_uring does for it (${how})`, { skip }, () => {
    const results = Object.entries(PORTS).map(([name, port]) => {
      const folder = `${dir}/${how}-${name}`;
      fs.mkdirSync(folder);
      return [name, act(program, how, folder, port).connect === EPERM];
    });
    assert.deepEqual(Object.fromEntries(results), { named: true, exempt: false, others: false });
  });

  test(`a rule on a file holds for what io_uring does (${how})`, {
    skip: tiers?.hooks.length === 0 ? 'needs BPF LSM or fmod_ret' : skip,
  }, () => {
    const folder = `${dir}/${how}/refused`;
    fs.mkdirSync(folder, { recursive: true });
    assert.equal(act(program, how, folder, 9).openat, EPERM);
  });
}
