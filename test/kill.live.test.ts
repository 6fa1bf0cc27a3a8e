import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { planTiers } from '../src/enforce/index.ts';
import { refusedBy } from '../src/enforce/kernel/tiers.ts';
import { planCapture } from '../src/sensors/calls/capture-plan.ts';
import { RF_FLAG } from '../src/sensors/record/layout.gen.ts';
import { takeSlots } from '../src/sensors/testing/slots.ts';
import { act, Denial, PYTHON } from './lib/denial.ts';

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
/** What the rules below are about: a Python of its own name. */
const actor = `${dir}/rf-actor`;
const EVENTS = ['connect', 'sendto', 'sendmsg', 'setuid', 'symlink', 'rename', 'link', 'mkdir'];
const killing = (condition: string): string => `
- rule: Kill for ${condition}
  desc: For a test.
  condition: ${condition} and proc.name = rf-actor
  output: killed %proc.name
  priority: CRITICAL
  enforce: kill
`;
/** What the kernel says of the address after the call is nothing. */
const unsaid = [
  'evt.type = connect and not fd.sip in ("127.0.0.1")',
  'evt.type in (sendto, sendmsg) and not fd.snet in ("127.0.0.0/8")',
  'evt.type = setuid and not evt.rawarg.uid = 65534',
  'evt.type = setuid and not user.uid = 0',
];
const named = [
  `evt.type = symlink and fs.path.source startswith ${dir}/cron/`,
  `evt.type = rename and fs.path.source startswith ${dir}/box/ and not fs.path.target startswith ${dir}/bin/`,
  `evt.type = link and fs.path.source startswith ${dir}/cron/ and not fs.path.target = ${dir}/key`,
];
let denial: Denial;
let crowded = false;

before(() => {
  if (skip !== false || tiers === undefined) return;
  fs.writeFileSync(`${dir}/key`, 'k');
  for (const name of ['tool', 'watched']) fs.copyFileSync('/usr/bin/touch', `${dir}/${name}`);
  for (const name of ['tool', 'watched']) fs.chmodSync(`${dir}/${name}`, 0o755);
  for (const name of ['cron', 'box', 'bin']) fs.mkdirSync(`${dir}/${name}`);
  if (fs.existsSync(PYTHON)) fs.copyFileSync(PYTHON, actor);
  const events = ['open', 'openat', 'openat2', ...EVENTS];
  const capture = planCapture([{ events, reads: [] }]);
  denial = new Denial(rules + [...unsaid, ...named].map(killing).join(''), {
    tiers,
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

const actorSkip = skip || (fs.existsSync(PYTHON) ? false : `needs ${PYTHON}`);

const UNSAID: readonly (readonly [name: string, code: string])[] = [
  [
    'a connect to the exempt address',
    `socket.socket(socket.AF_INET,socket.SOCK_DGRAM).connect(('127.0.0.1',9))`,
  ],
  [
    'a connect to a unix socket',
    `a=socket.socket(socket.AF_UNIX)\na.bind('\\0rf-kill')\na.listen()\nsocket.socket(socket.AF_UNIX).connect('\\0rf-kill')`,
  ],
  [
    'a message to the exempt network',
    `socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('127.0.0.1',9))`,
  ],
  ['a message over a pair of sockets', `a,b=socket.socketpair()\na.send(b'x')`],
  ['becoming the exempt user, as the exempt user', 'os.setuid(65534)'],
];
for (const [name, code] of UNSAID) {
  test(`nobody is killed for what the kernel no longer knows: ${name}`, { skip: actorSkip }, () => {
    assert.equal(act(code, actor), 'ok');
  });
}

const wallSkip =
  actorSkip || (tiers && refusedBy(tiers, 'connect', 'kill') ? false : 'the wall here asks no rules');

test('a rule that kills refuses a connection at the wall, where the address is known', {
  skip: wallSkip,
}, () => {
  denial.told();
  assert.equal(act(`socket.socket().connect(('127.0.9.9',9))`, actor), 'EPERM');
  const [record] = denial.told();
  assert.match(record?.by ?? '', /connect/);
  assert.ok(((record?.flags ?? 0) & RF_FLAG.DENIED) !== 0);
});

const NAMED: readonly (readonly [name: string, killed: boolean, code: string])[] = [
  ['a symbolic link that is made there', true, `os.symlink('/x','${dir}/cron/made')`],
  ['one made from there', true, `os.chdir('${dir}/cron')\nos.symlink('/x','relative')`],
  ['a symbolic link that only leads there', false, `os.symlink('${dir}/cron/x','${dir}/leads')`],
  ['a rename out of the folder', true, `open('${dir}/box/a','w')\nos.rename('${dir}/box/a','${dir}/a')`],
  [
    'a rename to where the rule allows it',
    false,
    `open('${dir}/box/b','w')\nos.rename('${dir}/box/b','${dir}/bin/b')`,
  ],
  [
    'the same by relative paths',
    false,
    `open('${dir}/box/c','w')\nos.chdir('${dir}/bin')\nos.rename('../box/c','./c')`,
  ],
  ['a hard link that is made there', true, `os.link('${dir}/tool','${dir}/cron/tool')`],
  ['one to what the rule allows', false, `os.link('${dir}/key','${dir}/cron/key')`],
  ['one that is made elsewhere', false, `os.link('${dir}/tool','${dir}/bin/tool')`],
];
for (const [name, killed, code] of NAMED) {
  test(`${killed ? 'killed for' : 'let go'}: ${name}`, { skip: actorSkip }, () => {
    assert.equal(act(code, actor), killed ? 'SIGKILL' : 'ok');
  });
}
