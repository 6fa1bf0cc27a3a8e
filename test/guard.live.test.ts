import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import {
  configureTiers,
  Guard,
  guardedWhat,
  guardPrograms,
  OPENED_MAP,
  planTiers,
} from '../src/enforce/index.ts';
import { RF_FLAG } from '../src/sensors/layout.gen.ts';
import { probe } from '../src/sensors/probe.ts';
import type { AnyRec } from '../src/sensors/record.gen.ts';
import { KernelSensor } from '../src/sensors/sensor.ts';

/** The engine guards itself: this process is the engine, its children are the attackers. Runs in the guests. */
const PYTHON = '/usr/bin/python3';
const skip =
  process.getuid?.() !== 0
    ? 'needs root'
    : !fs.existsSync(PYTHON)
      ? `needs ${PYTHON}`
      : probe('lsm').answer !== 'yes'
        ? `needs BPF LSM: ${probe('lsm').why}`
        : false;

const dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'rf-guard-')));
const state = `${dir}/state`;
const config = `${dir}/config.yaml`;
const maintainer = `${dir}/maintainer`;
const paths = { files: [config], folders: [state], maintainers: [maintainer] };
const received: string[] = [];
const told: string[] = [];
let sensor: KernelSensor;
let guard: Guard;
let cgroupLink = -1;

const note = (signal: string): void => void received.push(signal);

before(() => {
  if (skip !== false) return;
  fs.mkdirSync(`${state}/audit`, { recursive: true });
  fs.writeFileSync(`${state}/audit/db`, 'rows');
  fs.writeFileSync(config, 'mode: enforce\n');
  fs.copyFileSync('/usr/bin/python3.11', maintainer);
  process.on('SIGTERM', note).on('SIGHUP', note);
  const tiers = planTiers();
  sensor = KernelSensor.open({
    capture: new Map(),
    tracepoints: [],
    lifecycle: true,
    ringBytes: 1 << 16,
    priorityRingBytes: 1 << 20,
    ignorePid: process.pid,
    programs: [...tiers.hooks, tiers.wall[0] ?? '', ...guardPrograms(tiers, true)],
    configure: (object) => configureTiers(object, tiers),
  });
  sensor.start({
    record: (rec: AnyRec) => {
      if (rec.clause !== 0 && (rec.flags & RF_FLAG.DENIED) !== 0) told.push(guardedWhat(rec.clause));
    },
    batchEnd() {},
    loss: (loss) => assert.fail(JSON.stringify(loss)),
    failed: (error) => assert.fail(String(error)),
  });
  const folder = fs.openSync(tiers.cgroup ?? '/sys/fs/cgroup', 'r');
  cgroupLink = sensor.object.attachCgroup(tiers.wall[0] ?? '', folder).fd;
  fs.closeSync(folder);
  guard = new Guard(sensor.object, true);
  guard.set(paths);
});

after(() => {
  guard?.close();
  sensor?.close();
  process.off('SIGTERM', note).off('SIGHUP', note);
  fs.rmSync(dir, { recursive: true });
});

/** Runs Python; `ok` or the errno's name. */
function act(code: string, python = PYTHON): string {
  const lines = code.split('\n').map((line) => `  ${line}`);
  const program = `import os,errno,ctypes,signal,resource\nlibc=ctypes.CDLL(None,use_errno=True)\ndef check(r):\n  if r<0: raise OSError(ctypes.get_errno(),'x')\n  return r\ntry:\n${lines.join('\n')}\n  print('ok')\nexcept OSError as e: print(errno.errorcode.get(e.errno,e.errno))`;
  const { stdout, stderr } = spawnSync(python, ['-c', program], { encoding: 'utf8' });
  return stdout.trim() || stderr;
}

function drained(): string[] {
  while (sensor.drain() > 0);
  return told.splice(0);
}

const pid = process.pid;
/** union bpf_attr of a command with one or two 32-bit members in front. */
const bpf = (cmd: number, ...words: number[]): string =>
  `import struct\nb=ctypes.create_string_buffer(struct.pack('${'I'.repeat(words.length)}',${words.join(',')}).ljust(128,b'\\0'))\nfd=check(libc.syscall(321,${cmd},b,128))`;

function mapId(name: string): number {
  const info = fs.readFileSync(`/proc/self/fdinfo/${sensor.object.map(name).fd}`, 'latin1');
  return Number(/^map_id:\s+(\d+)/m.exec(info)?.[1]);
}

function linkId(): number {
  const info = fs.readFileSync(`/proc/self/fdinfo/${cgroupLink}`, 'latin1');
  return Number(/^link_id:\s+(\d+)/m.exec(info)?.[1]);
}

const MAP_GET_FD_BY_ID = 14;
const LINK_GET_FD_BY_ID = 30;
const LINK_DETACH = 34;
const RDONLY = 8;

const ATTEMPTS: readonly (readonly [name: string, code: () => string, what: string])[] = [
  ['SIGTERM', () => `os.kill(${pid},signal.SIGTERM)`, 'a signal to the engine'],
  ['SIGSTOP', () => `os.kill(${pid},signal.SIGSTOP)`, 'a signal to the engine'],
  ['SIGKILL', () => `os.kill(${pid},signal.SIGKILL)`, 'a signal to the engine'],
  ['SIGUSR1, the debugger of Node', () => `os.kill(${pid},signal.SIGUSR1)`, 'a signal to the engine'],
  ['tgkill', () => `check(libc.syscall(234,${pid},${pid},9))`, 'a signal to the engine'],
  [
    'pidfd_send_signal',
    () => `check(libc.syscall(424,os.pidfd_open(${pid}),9,None,0))`,
    'a signal to the engine',
  ],
  ['PTRACE_ATTACH', () => `check(libc.ptrace(16,${pid},None,None))`, 'tracing the engine'],
  ['PTRACE_SEIZE', () => `check(libc.ptrace(0x4206,${pid},None,None))`, 'tracing the engine'],
  ['writing /proc/PID/mem', () => `open('/proc/${pid}/mem','r+b')`, 'tracing the engine'],
  ['pidfd_getfd', () => `check(libc.syscall(438,os.pidfd_open(${pid}),0,0))`, 'tracing the engine'],
  [
    'process_vm_writev',
    () =>
      `b=ctypes.create_string_buffer(16)\niov=(ctypes.c_ulong*2)(ctypes.addressof(b),8)\ncheck(libc.process_vm_writev(${pid},iov,1,iov,1,0))`,
    'tracing the engine',
  ],
  ['prlimit', () => `resource.prlimit(${pid},resource.RLIMIT_CPU,(1,1))`, 'a limit on the engine'],
  ['writing the configuration', () => `open('${config}','a')`, 'a change of its files'],
  ['removing the configuration', () => `os.unlink('${config}')`, 'a change of its files'],
  [
    'renaming another over it',
    () => `open('${dir}/x','w')\nos.rename('${dir}/x','${config}')`,
    'a change of its files',
  ],
  ['writing the audit', () => `open('${state}/audit/db','r+')`, 'a change of its files'],
  ['truncating it by path', () => `os.truncate('${state}/audit/db',0)`, 'a change of its files'],
  ['its mode', () => `os.chmod('${state}/audit/db',0)`, 'a change of its files'],
  ['a hard link to it', () => `os.link('${state}/audit/db','${dir}/h')`, 'a change of its files'],
  ['a new file beside it', () => `open('${state}/audit/new','w')`, 'a change of its files'],
  [
    'a symbolic link beside it',
    () => `os.symlink('/etc/passwd','${state}/audit/s')`,
    'a change of its files',
  ],
  ['a folder beside it', () => `os.mkdir('${state}/audit/d')`, 'a change of its files'],
  ['a pipe beside it', () => `os.mkfifo('${state}/audit/p')`, 'a change of its files'],
  ['removing its folder', () => `os.rmdir('${state}/audit')`, 'a change of its files'],
  ['renaming its folder', () => `os.rename('${state}','${dir}/moved')`, 'a change of its files'],
  [
    'a bind mount of its folder',
    () =>
      `check(libc.unshare(0x20000))\nos.mkdir('${dir}/b')\ncheck(libc.mount(b'${state}',b'${dir}/b',None,4096,None))\nopen('${dir}/b/audit/db','r+')`,
    'a change of its files',
  ],
  ['a map by number, for writing', () => bpf(MAP_GET_FD_BY_ID, mapId('capture')), OPENED_MAP],
  [
    'detaching a link',
    () =>
      `${bpf(LINK_GET_FD_BY_ID, linkId())}\nb=ctypes.create_string_buffer(struct.pack('I',fd).ljust(128,b'\\0'))\ncheck(libc.syscall(321,${LINK_DETACH},b,128))`,
    'a change of its BPF objects',
  ],
];

for (const [name, code, what] of ATTEMPTS) {
  test(`refused, and told: ${name}`, { skip }, () => {
    drained();
    assert.match(act(code()), /^E(PERM|ACCES)$/);
    assert.deepEqual([...new Set(drained())], [what]);
    assert.equal(fs.readFileSync(`${state}/audit/db`, 'utf8'), 'rows');
    assert.deepEqual(received.splice(0), []);
  });
}

const ALLOWED: readonly (readonly [name: string, code: () => string])[] = [
  ['asking whether it lives', () => `os.kill(${pid},0)`],
  ['reading the configuration', () => `open('${config}').read()`],
  ['reading the audit', () => `open('${state}/audit/db').read()`],
  ['looking at its environment', () => `open('/proc/${pid}/environ').read()`],
  ['a map by number, for reading', () => bpf(MAP_GET_FD_BY_ID, mapId('capture'), 0, RDONLY)],
  ['files beside the guarded ones', () => `open('${dir}/free','w')\nos.rename('${dir}/free','${dir}/free2')`],
  ['signals between others', () => `p=os.fork()\nif p==0: signal.pause()\nos.kill(p,9)\nos.wait()`],
];
for (const [name, code] of ALLOWED) {
  test(`not refused: ${name}`, { skip }, () => {
    drained();
    assert.equal(act(code()), 'ok');
    assert.deepEqual(drained(), []);
  });
}

test('listing BPF programs and links goes through, and is told once at most', { skip }, () => {
  drained();
  execFileSync('bpftool', ['prog', 'show'], { stdio: 'ignore' });
  execFileSync('bpftool', ['link', 'show'], { stdio: 'ignore' });
  assert.ok(['', OPENED_MAP].includes(drained().join()));
});

test('SIGHUP reloads, whoever sends it', { skip }, async () => {
  assert.equal(act(`os.kill(${pid},signal.SIGHUP)`), 'ok');
  for (let n = 0; n < 100 && received.length === 0; n++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  assert.deepEqual(received.splice(0), ['SIGHUP']);
});

test('a maintainer may change files, and nothing else', { skip }, () => {
  assert.equal(act(`open('${config}','a')`, maintainer), 'ok');
  assert.equal(act(`check(libc.ptrace(16,${pid},None,None))`, maintainer), 'EPERM');
});

test('the engine itself may do everything, and a file that it replaced is guarded again', { skip }, () => {
  fs.writeFileSync(`${dir}/next`, 'mode: enforce\n');
  fs.renameSync(`${dir}/next`, config);
  guard.refresh();
  assert.equal(act(`open('${config}','a')`), 'EPERM');
});

test('unlocked it lets everybody through, for as long as was said', { skip }, async () => {
  assert.equal(guard.unlock(60_000).state, 'unlocked');
  assert.equal(act(`open('${config}','a')`), 'ok');
  assert.equal(guard.lock().state, 'on');
  assert.equal(act(`open('${config}','a')`), 'EPERM');
  guard.unlock(1);
  await new Promise((resolve) => setTimeout(resolve, 1500));
  assert.equal(act(`open('${config}','a')`), 'EPERM');
  assert.ok(guard.status().refused > ATTEMPTS.length);
});

test('off it refuses nothing', { skip }, () => {
  guard.set(undefined);
  assert.equal(act(`open('${config}','a')`), 'ok');
  assert.equal(guard.status().state, 'off');
  guard.set(paths);
});
