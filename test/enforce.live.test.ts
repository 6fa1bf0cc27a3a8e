import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { type DecidedRecord, planTiers } from '../src/enforce/index.ts';
import { probe } from '../src/sensors/bpf/probe.ts';
import { RF_FLAG } from '../src/sensors/record/layout.gen.ts';
import { act, Denial, denyRule, PYTHON } from './lib/denial.ts';
import { DEEP, NAMED_ACTS, namedRules } from './lib/named-acts.ts';

/** Denials at the security hooks, and the known ways around a rule on a path. Runs in the guests. */
/** enforce-return.live.test.ts runs the same without BPF LSM; a guest booted without it has fmod_ret by itself. */
const maxTier = process.env.RINGFENCE_TEST_RETURN === undefined ? 'lsm' : 'fmod_ret';
const tiers = planTiers({ maxTier });
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : !fs.existsSync(PYTHON)
      ? `needs ${PYTHON}`
      : tiers.hooks.length === 0
        ? `needs ${maxTier === 'lsm' ? 'BPF LSM' : maxTier}: ${probe(maxTier).why}`
        : false;

const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'rf-lsm-')));
const key = `${dir}/secret/key`;
const rules = (mode: string) => `
- rule: No key
  desc: The key is for nobody but "allowed".
  condition: evt.type in (open, openat, openat2, creat) and fd.name = ${key} and not proc.name = allowed
  output: key %fd.name
  priority: CRITICAL
  enforce: deny
  mode: ${mode}
- rule: Vault is not written
  desc: Nothing below the vault is written.
  condition: evt.type in (open, openat, openat2) and evt.is_open_write = true and fd.name startswith ${dir}/vault/
  output: vault %fd.name
  priority: CRITICAL
  enforce: deny
  mode: ${mode}
- rule: No tool
  desc: The tool is not executed.
  condition: evt.type in (execve, execveat) and proc.exepath = ${dir}/bin/tool
  output: tool %proc.name
  priority: CRITICAL
  enforce: deny
  mode: ${mode}
- rule: No test network
  desc: Not to this address.
  condition: evt.type in (connect, sendto, sendmsg) and fd.sip = "127.0.5.5" and not proc.name = allowed
  output: network %fd.sip
  priority: CRITICAL
  enforce: deny
  mode: ${mode}
`;

const privileged = ['ptrace', 'mount', 'bpf', 'finit_module', 'umount2', 'init_module'].map((event) =>
  denyRule(`No ${event}`, `evt.type = ${event} and proc.name = perl`),
);

const LONG = `${'l'.repeat(200)}/`.repeat(3);
const long = ['open', 'closed']
  .map((fail) =>
    denyRule(
      `Fail ${fail}`,
      `evt.type = openat and fd.name endswith .${fail} and proc.name = allowed`,
      `  fail: ${fail}\n`,
    ),
  )
  .join('');

let denial: Denial;

const all = (mode: string): string => rules(mode) + privileged.join('') + namedRules(dir);

function apply(mode: string, more = ''): void {
  denial.apply(all(mode) + more);
}

before(() => {
  if (skip !== false) return;
  for (const name of ['secret', 'vault', 'bin', 'out']) fs.mkdirSync(`${dir}/${name}`);
  fs.writeFileSync(key, 'k');
  fs.writeFileSync(`${dir}/vault/a`, 'a');
  fs.copyFileSync('/usr/bin/true', `${dir}/bin/tool`);
  fs.copyFileSync('/usr/bin/python3.11', `${dir}/bin/allowed`);
  for (const name of ['log/sub', DEEP, 'etc']) fs.mkdirSync(`${dir}/${name}`, { recursive: true });
  for (const name of ['log/a', `${DEEP}/f`, 'etc/passwd', 'fixed', 'plain', 'linked'])
    fs.writeFileSync(`${dir}/${name}`, '');
  fs.symlinkSync(`${dir}/plain`, `${dir}/pointer`);
  denial = new Denial(all('enforce'), {
    tiers,
    stateDir: `${dir}/state`,
  });
});

after(() => {
  denial?.close();
  fs.rmSync(dir, { recursive: true });
});

const drained = () => denial.told();

test('a file that a rule names is refused to all but the exempt, and the record tells it', { skip }, () => {
  drained();
  assert.equal(act(`open('${key}')`), 'EPERM');
  const [record] = drained();
  assert.equal(record?.name, key);
  assert.equal((record?.flags ?? 0) & RF_FLAG.DENIED, RF_FLAG.DENIED);
  assert.deepEqual(denial.enforcer.attribution.decider(record as DecidedRecord), {
    kind: 'rule',
    name: 'No key',
  });
  assert.equal(act(`open('${key}')`, `${dir}/bin/allowed`), 'ok');
  assert.equal(act(`open('${dir}/vault/a')`), 'ok');
});

const WAYS: readonly (readonly [name: string, code: string])[] = [
  ['a symbolic link', `os.symlink('${key}','${dir}/out/s')\nopen('${dir}/out/s')`],
  ['a relative path and ..', `os.chdir('${dir}/out')\nopen('../secret/./key')`],
  ['/proc/self/root', `open('/proc/self/root${key}')`],
  ['a directory descriptor', `d=os.open('${dir}/secret',os.O_RDONLY)\nos.open('key',os.O_RDONLY,dir_fd=d)`],
  ['a hard link', `os.link('${key}','${dir}/out/h')\nopen('${dir}/out/h')`],
  ['a rename of the file', `os.rename('${key}','${dir}/out/r')\nopen('${dir}/out/r')`],
  [
    'an exchange with another file',
    `open('${dir}/out/e','w')\ncheck(libc.renameat2(-100,b'${dir}/out/e',-100,b'${key}',2))`,
  ],
  [
    'a rename of the folder',
    `os.rename('${dir}/secret','${dir}/moved')\ntry: open('${dir}/moved/key')\nfinally: os.rename('${dir}/moved','${dir}/secret')`,
  ],
  [
    'a bind mount of the folder',
    `check(libc.unshare(0x20000))\ncheck(libc.mount(b'${dir}/secret',b'${dir}/out',None,4096,None))\nopen('${dir}/out/key')`,
  ],
  [
    'a bind mount of the file',
    `check(libc.unshare(0x20000))\nopen('${dir}/out/f','w')\ncheck(libc.mount(b'${key}',b'${dir}/out/f',None,4096,None))\nopen('${dir}/out/f')`,
  ],
  ['chroot', `os.chroot('${dir}/secret')\nopen('/key')`],
  ['another mount namespace', `check(libc.unshare(0x20000))\nopen('${key}')`],
  ['truncate by path', `os.truncate('${key}',0)`],
  ['opening for writing', `open('${key}','a')`],
];
for (const [name, code] of WAYS) {
  test(`no way around a file rule: ${name}`, { skip }, () => {
    assert.equal(act(code), 'EPERM');
    assert.equal(fs.readFileSync(key, 'utf8'), 'k');
  });
}

test('a rule on what lies below a folder holds for new files, and for files that leave it', { skip }, () => {
  assert.equal(act(`open('${dir}/vault/new','w')`), 'EPERM');
  assert.equal(act(`os.mknod('${dir}/vault/new')`), 'EPERM');
  drained();
  assert.equal(act(`os.open('${dir}/vault/new',os.O_CREAT|os.O_RDWR)`), 'EPERM');
  assert.equal(drained().length, 1);
  assert.equal(fs.existsSync(`${dir}/vault/new`), false);
  assert.equal(act(`os.open('${dir}/vault/read',os.O_CREAT|os.O_RDONLY)`), 'ok');
  assert.equal(act(`open('${dir}/vault/a','a')`), 'EPERM');
  drained();
  assert.equal(act(`os.open('${dir}/vault/a',os.O_RDONLY|os.O_TRUNC)`), 'EPERM');
  assert.deepEqual(
    drained().map(({ by }) => by),
    ['Vault is not written'],
  );
  assert.equal(fs.readFileSync(`${dir}/vault/a`, 'utf8'), 'a');
  assert.equal(act(`os.rename('${dir}/vault/a','${dir}/out/a')`), 'EPERM');
  assert.equal(act(`os.link('${dir}/vault/a','${dir}/out/a')`), 'EPERM');
  assert.equal(act(`os.chroot('${dir}/vault')\nopen('/a','a')`), 'EPERM');
  assert.equal(act(`open('${dir}/out/new','w')`), 'ok');
});

const EXECS: readonly (readonly [name: string, code: string])[] = [
  ['execve', `os.execv('${dir}/bin/tool',['tool'])`],
  ['another argv[0]', `os.execv('${dir}/bin/tool',['innocent'])`],
  ['a symbolic link', `os.symlink('${dir}/bin/tool','${dir}/out/t')\nos.execv('${dir}/out/t',['t'])`],
  ['a hard link', `os.link('${dir}/bin/tool','${dir}/out/th')\nos.execv('${dir}/out/th',['t'])`],
  ['fexecve', `fd=os.open('${dir}/bin/tool',os.O_RDONLY)\nos.execve(fd,['t'],{})`],
  [
    'a bind mount',
    `check(libc.unshare(0x20000))\ncheck(libc.mount(b'${dir}/bin',b'${dir}/out',None,4096,None))\nos.execv('${dir}/out/tool',['t'])`,
  ],
];
for (const [name, code] of EXECS) {
  test(`a program that a rule names is not executed by way of ${name}`, { skip }, () => {
    assert.equal(act(code), 'EPERM');
  });
}

test('a program that a rule names is not run by the dynamic loader', { skip }, () => {
  const { status } = spawnSync('/lib64/ld-linux-x86-64.so.2', [`${dir}/bin/tool`]);
  assert.notEqual(status, 0);
});

const SENDS: readonly (readonly [name: string, code: string])[] = [
  ['TCP', `socket.socket().connect(('127.0.5.5',9))`],
  ['UDP connect', `socket.socket(socket.AF_INET,socket.SOCK_DGRAM).connect(('127.0.5.5',9))`],
  ['UDP sendto', `socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('127.0.5.5',9))`],
  ['an IPv4-mapped address', `socket.socket(socket.AF_INET6).connect(('::ffff:127.0.5.5',9))`],
  ['TCP fast open', `socket.socket().sendto(b'x',socket.MSG_FASTOPEN,('127.0.5.5',9))`],
  ['no address, from it', `s=socket.socket()\ns.bind(('127.0.5.5',0))\ns.connect(('0.0.0.0',9))`],
  ['a raw socket', `socket.socket(socket.AF_INET,socket.SOCK_RAW,1).sendto(b'x'*8,('127.0.5.5',0))`],
];
for (const [name, code] of SENDS) {
  test(`an address that a rule names is not reached by ${name}`, { skip }, () => {
    assert.equal(act(code), 'EPERM');
  });
}

test('an address that no rule names is reached, and the exempt reach the other', { skip }, () => {
  assert.equal(act(`socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('127.0.5.6',9))`), 'ok');
  assert.equal(act(SENDS[2]![1], `${dir}/bin/allowed`), 'ok');
});

test('a deny entry holds for raw sockets, too', { skip }, () => {
  const { id } = denial.enforcer.deny.add({ target: '127.0.6.0/24' });
  const raw = `socket.socket(socket.AF_INET,socket.SOCK_RAW,1).sendto(b'x'*8,('127.0.6.1',0))`;
  const connected = `s=socket.socket(socket.AF_INET,socket.SOCK_RAW,1)\ns.connect(('127.0.6.1',0))\ns.send(b'x'*8)`;
  assert.equal(act(raw), 'EPERM');
  assert.equal(act(connected), 'EPERM');
  assert.equal(act(`socket.socket().connect(('127.0.6.1',9))`), 'EPERM');
  denial.enforcer.deny.setMonitor(true);
  for (const code of [raw, connected]) {
    drained();
    assert.equal(act(code), 'ok', 'in monitor mode');
    assert.deepEqual(
      drained().map(({ by, flags }) => [by, flags & RF_FLAG.WOULD_DENY]),
      [[`entry ${id}`, RF_FLAG.WOULD_DENY]],
    );
  }
  denial.enforcer.deny.setMonitor(false);
  denial.enforcer.deny.remove(id);
  assert.equal(act(raw), 'ok');
});

const PRIVILEGED: readonly (readonly [name: string, call: string])[] = [
  ['mounting', '$a="none"; $b="/mnt"; $c="tmpfs"; syscall(165, $a, $b, $c, 0, 0)'],
  ['tracing', 'syscall(101, 16, 1, 0, 0)'],
  ['loading BPF', 'syscall(321, 0, 0, 0)'],
  ['loading a module', 'open(F,"<","/etc/passwd"); $a=""; syscall(313, fileno(F), $a, 0)'],
  ['loading a module from memory', '$a="x" x 4096; $b=""; syscall(175, $a, 4096, $b)'],
  ['unmounting', '$a="/proc"; syscall(166, $a, 0)'],
  [
    'reading the memory of another',
    '$a="x" x 16; $v=pack("PQ", $a, 16); syscall(310, getppid(), $v, 1, $v, 1, 0)',
  ],
];
for (const [name, call] of PRIVILEGED) {
  test(`a rule on the process alone refuses ${name} to it`, { skip }, () => {
    const { stdout } = spawnSync('/usr/bin/perl', ['-e', `${call}; print $!+0`], { encoding: 'utf8' });
    assert.equal(stdout, '1');
  });
}

for (const [name, rule, refused, allowed] of NAMED_ACTS) {
  test(`a rule refuses ${name}, tells it, and lets what is near it pass`, { skip }, () => {
    drained();
    for (const code of refused) assert.equal(act(code.replaceAll('DIR', dir)), 'EPERM', code);
    const told = drained().map(({ by, flags }) => [by, (flags & RF_FLAG.DENIED) !== 0]);
    assert.deepEqual(
      told,
      refused.map(() => [rule, true]),
    );
    for (const code of allowed) assert.equal(act(code.replaceAll('DIR', dir)), 'ok', code);
  });
}

const UP = `${dir}/up`;
const OPENS = 'evt.type in (open, openat, openat2, creat)';
const led = [
  denyRule('Led file', `${OPENS} and fd.name = ${UP}/a/b/key and not proc.name = allowed`),
  denyRule('Led tree', `${OPENS} and fd.name startswith ${UP}/t/x/ and not proc.name = allowed`),
  denyRule('Led link', `${OPENS} and fd.name = ${UP}/link/key and not proc.name = allowed`),
  denyRule('Led removal', `evt.type in (unlink, unlinkat) and fs.path.name = ${UP}/u/v/w/file`),
].join('');
const MOVES: readonly (readonly [name: string, from: string, reach: string])[] = [
  ['the folder of a file', 'a/b', `open('${UP}/a/b/key')`],
  ['a folder above it', 'a', `open('${UP}/a/b/key')`],
  ['a folder above a tree', 't', `open('${UP}/t/x/sub/f','w')`],
  ['a link on the way', 'link', `open('${UP}/real/key')`],
  ['what a link on the way leads to', 'real', `open('${UP}/real/key')`],
  ['a folder above what may not be removed', 'u/v', `os.unlink('${UP}/u/v/w/file')`],
];

test('what leads to a named object is not moved by whom the rule refuses', { skip }, async (t) => {
  for (const folder of ['a/b', 't/x/sub', 'real', 'u/v/w', 'near'])
    fs.mkdirSync(`${UP}/${folder}`, { recursive: true });
  for (const file of ['a/b/key', 'a/b/near', 't/x/sub/f', 'real/key', 'u/v/w/file'])
    fs.writeFileSync(`${UP}/${file}`, '');
  fs.symlinkSync('real', `${UP}/link`);
  apply('enforce', led);
  for (const [name, from, reach] of MOVES) {
    await t.test(name, () => {
      const move = `os.rename('${UP}/${from}','${UP}/moved')`;
      assert.equal(act(move), 'EPERM');
      const swap = `check(libc.renameat2(-100,b'${UP}/near',-100,b'${UP}/${from}',2))`;
      assert.equal(act(swap), 'EPERM', 'exchanged');
      denial.enforcer.refresh();
      assert.equal(act(reach), 'EPERM', 'a moment later');
    });
  }
  const moveAndBack = (from: string) =>
    `os.rename('${UP}/${from}','${UP}/moved')\nos.rename('${UP}/moved','${UP}/${from}')`;
  assert.equal(act(moveAndBack('a'), `${dir}/bin/allowed`), 'ok', 'whom the rule lets');
  for (const beside of ['near', 'a/b/near']) assert.equal(act(moveAndBack(beside)), 'ok', beside);
  assert.equal(act(`open('${UP}/a/b/near','w')\nos.mkdir('${UP}/a/new')`), 'ok', 'beside it');
  apply('enforce');
});

test('a path too long to be read passes a rule that fails open, and none that fails closed', { skip }, () => {
  fs.mkdirSync(`${dir}/out/${LONG}`, { recursive: true });
  fs.writeFileSync(`${dir}/out/${LONG}x`, '');
  apply('enforce', long);
  drained();
  assert.equal(act(`open('${dir}/out/${LONG}x')`), 'ok');
  const reach = [`open('${dir}/out/${LONG}x')`, `os.truncate('${dir}/out/${LONG}x',0)`];
  for (const code of reach) assert.equal(act(code, `${dir}/bin/allowed`), 'EPERM');
  assert.deepEqual(
    drained().map(({ by, name }) => [by, name]),
    reach.map(() => ['Fail closed', `${dir}/out/${LONG}x`]),
  );
  assert.equal(act(`open('${dir}/plain')`, `${dir}/bin/allowed`), 'ok');
  apply('enforce');
});

test('deny entries name files, folders and programs, too', { skip }, () => {
  fs.writeFileSync(`${dir}/out/plain`, 'p');
  const cat = (file: string) => spawnSync('cat', [file]).status;
  assert.equal(cat(`${dir}/out/plain`), 0, 'before');
  const file = denial.enforcer.deny.add({ target: `${dir}/out` });
  const exe = denial.enforcer.deny.add({ target: 'exe:/usr/bin/tac' });
  assert.equal(cat(`${dir}/out/plain`), 1);
  assert.equal(spawnSync('tac', ['/etc/passwd']).error?.message, 'spawnSync tac EPERM');
  drained();
  cat(`${dir}/out/plain`);
  assert.deepEqual(denial.enforcer.attribution.decider(drained()[0] as DecidedRecord)?.kind, 'entry');
  denial.enforcer.deny.remove(file.id);
  denial.enforcer.deny.remove(exe.id);
  assert.equal(cat(`${dir}/out/plain`), 0, 'after');
  assert.equal(spawnSync('tac', ['/etc/passwd']).status, 0);
});

test('in monitor mode the same acts go through and are told', { skip }, () => {
  apply('monitor');
  drained();
  assert.equal(act(`open('${key}')`), 'ok');
  assert.ok(drained().some((r) => r.name === key && (r.flags & RF_FLAG.WOULD_DENY) !== 0));
  assert.equal(act(`os.open('${dir}/vault/watched',os.O_CREAT|os.O_WRONLY)`), 'ok');
  assert.deepEqual(
    drained().map(({ name }) => name),
    [`${dir}/vault/watched`],
  );
  apply('enforce');
  assert.equal(act(`open('${key}')`), 'EPERM');
});

test('a replaced file is known by its name at once and by itself a moment later', { skip }, async () => {
  fs.writeFileSync(`${dir}/out/new`, 'k');
  fs.renameSync(`${dir}/out/new`, key);
  assert.equal(act(`open('${key}')`), 'EPERM');
  denial.enforcer.refresh();
  assert.equal(act(`os.chroot('${dir}/secret')\nopen('/key')`), 'EPERM');
});
