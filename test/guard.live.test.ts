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
import { probe } from '../src/sensors/bpf/probe.ts';
import { RF_FLAG } from '../src/sensors/record/layout.gen.ts';
import type { AnyRec } from '../src/sensors/record/record.gen.ts';
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
/** On a mount of its own. */
const mounted = `${dir}/mounted`;
const paths = { files: [config], folders: [state, `${mounted}/below`], maintainers: [maintainer] };
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
  fs.mkdirSync(mounted);
  execFileSync('mount', ['-t', 'tmpfs', 'rf-guard', mounted]);
  execFileSync('mount', ['--make-shared', mounted]);
  fs.mkdirSync(`${mounted}/below`);
  process.on('SIGTERM', note).on('SIGHUP', note);
  const tiers = planTiers();
  const guards = guardPrograms(tiers, true);
  sensor = KernelSensor.open({
    capture: new Map(),
    tracepoints: [],
    lifecycle: true,
    ringBytes: 1 << 16,
    priorityRingBytes: 1 << 20,
    ignorePid: process.pid,
    programs: [...tiers.hooks, tiers.wall[0] ?? '', ...guards],
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
  guard = new Guard(sensor.object, guards);
  guard.set(paths);
});

after(() => {
  guard?.close();
  sensor?.close();
  process.off('SIGTERM', note).off('SIGHUP', note);
  if (skip === false) execFileSync('umount', ['-l', mounted]);
  fs.rmSync(dir, { recursive: true });
});

/** Runs Python, which has a link of the engine as descriptor 3; `ok` or the errno's name. */
function act(code: string, python = PYTHON): string {
  const lines = code.split('\n').map((line) => `  ${line}`);
  const program = `import os,errno,ctypes,signal,resource\nlibc=ctypes.CDLL(None,use_errno=True)\ndef check(r):\n  if r<0: raise OSError(ctypes.get_errno(),'x')\n  return r\ntry:\n${lines.join('\n')}\n  print('ok')\nexcept OSError as e: print(errno.errorcode.get(e.errno,e.errno))`;
  const { stdout, stderr } = spawnSync(python, ['-c', program], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe', cgroupLink],
  });
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
  ['writing /proc/PID/mem', () => `open('/proc/${pid}/mem','r+b')`, 'writing to its files in /proc'],
  [
    'the first victim when memory ends',
    () => `open('/proc/${pid}/oom_score_adj','w')`,
    'writing to its files in /proc',
  ],
  [
    'the same by a thread',
    () => `t=max(os.listdir('/proc/${pid}/task'),key=int)\nopen('/proc/'+t+'/oom_score_adj','w')`,
    'writing to its files in /proc',
  ],
  [
    'the switch that all programs at hooks depend on',
    () => `open('/proc/sys/kernel/ftrace_enabled','w')`,
    "switching off the kernel's hooks",
  ],
  ['its processors', () => `os.sched_setaffinity(${pid},{0})`, 'a limit on the engine'],
  [
    'its scheduling class',
    () => `os.sched_setscheduler(${pid},os.SCHED_IDLE,os.sched_param(0))`,
    'a limit on the engine',
  ],
  ['its priority', () => `os.setpriority(os.PRIO_PROCESS,${pid},19)`, 'a limit on the engine'],
  [
    'its priority of input and output',
    () => `check(libc.syscall(251,1,${pid},3<<13))`,
    'a limit on the engine',
  ],
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
  ['its owner', () => `os.chown('${state}/audit/db',1,1)`, 'a change of its files'],
  [
    'chattr',
    () => `import fcntl\nfcntl.ioctl(os.open('${state}/audit/db',os.O_RDONLY),0x40086602,b'\\x10'+b'\\0'*7)`,
    'a change of its files',
  ],
  [
    'an attribute of its configuration',
    () => `os.setxattr('${config}','trusted.x',b'x')`,
    'a change of its files',
  ],
  [
    'an access control list',
    () =>
      `import struct\nlist=[(1,6,-1),(2,7,1000),(4,4,-1),(16,7,-1),(32,4,-1)]\nos.setxattr('${config}','system.posix_acl_access',struct.pack('<I',2)+b''.join(struct.pack('<HHi',*e) for e in list))`,
    'a change of its files',
  ],
  ['removing one', () => `os.removexattr('${config}','system.posix_acl_access')`, 'a change of its files'],
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
  [
    'a mount over its folder',
    () => `check(libc.mount(b'x',b'${state}',b'tmpfs',0,None))`,
    'a change of the mounts below its files',
  ],
  [
    'a mount over a folder above',
    () => `check(libc.mount(b'x',b'${dir}',b'tmpfs',0,None))`,
    'a change of the mounts below its files',
  ],
  [
    'the same by the newer calls',
    () =>
      `f=check(libc.syscall(430,b'tmpfs',0))\ncheck(libc.syscall(431,f,6,None,None,0))\nm=check(libc.syscall(432,f,0,0))\ncheck(libc.syscall(429,m,b'',-100,b'${dir}',4))`,
    'a change of the mounts below its files',
  ],
  [
    'a mount in another name space that shows here',
    () => `check(libc.unshare(0x20000))\ncheck(libc.mount(b'x',b'${mounted}/below',b'tmpfs',0,None))`,
    'a change of the mounts below its files',
  ],
  [
    'its file system made read-only',
    () => `check(libc.mount(b'x',b'${mounted}',b'tmpfs',33,None))`,
    'a change of the mounts below its files',
  ],
  [
    'unmounting its file system',
    () => `check(libc.umount2(b'${mounted}',2))`,
    'a change of the mounts below its files',
  ],
  ['a map by number, for writing', () => bpf(MAP_GET_FD_BY_ID, mapId('capture')), OPENED_MAP],
  ['a link by number', () => bpf(LINK_GET_FD_BY_ID, linkId()), OPENED_MAP],
  ['detaching a link', () => bpf(LINK_DETACH, 3), 'a change of its BPF objects'],
];

for (const [name, code, what] of ATTEMPTS) {
  test(`refused, and told: ${name}`, { skip }, () => {
    drained();
    // By number it is as if there were no such object.
    assert.equal(act(code()), name.endsWith('by number') || name.includes('by number,') ? 'ENOENT' : 'EPERM');
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
  [
    'mounts over its folders that nobody else sees',
    () =>
      `check(libc.unshare(0x20000))\ncheck(libc.mount(None,b'/',None,0x44000,None))\ncheck(libc.mount(b'x',b'${state}',b'tmpfs',0,None))\ncheck(libc.umount2(b'${state}',0))`,
  ],
  [
    'mounts beside them',
    () =>
      `os.mkdir('${dir}/beside')\ncheck(libc.mount(b'x',b'${dir}/beside',b'tmpfs',0,None))\ncheck(libc.umount2(b'${dir}/beside',0))`,
  ],
  ['writing to its own files in /proc', () => `open('/proc/self/oom_score_adj','w').write('1')`],
  ['its own priority', () => `os.nice(1)\nos.sched_setaffinity(0,{0})`],
  ['signals between others', () => `p=os.fork()\nif p==0: signal.pause()\nos.kill(p,9)\nos.wait()`],
];
for (const [name, code] of ALLOWED) {
  test(`not refused: ${name}`, { skip }, () => {
    drained();
    assert.equal(act(code()), 'ok');
    assert.deepEqual(drained(), []);
  });
}

for (const kind of ['prog', 'link', 'map']) {
  test(`a list of BPF objects goes to its end, and is told once at most: ${kind}`, { skip }, () => {
    drained();
    execFileSync('bpftool', [kind, 'show'], { stdio: 'ignore' });
    assert.ok(['', OPENED_MAP].includes(drained().join()));
  });
}

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
  assert.equal(guard.status().last, 'a change of its files');
});

test('what the switch does that is guarded: nothing is refused any more', { skip }, () => {
  const file = '/proc/sys/kernel/ftrace_enabled';
  fs.writeFileSync(file, '0');
  try {
    assert.equal(act(`open('${config}','a')`), 'ok');
  } finally {
    fs.writeFileSync(file, '1');
  }
  assert.equal(act(`open('${config}','a')`), 'EPERM');
});

test('off it refuses nothing', { skip }, () => {
  guard.set(undefined);
  assert.equal(act(`open('${config}','a')`), 'ok');
  assert.equal(guard.status().state, 'off');
  guard.set(paths);
});
