import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { PACKAGE_ROOT } from '../../engine/core/package.ts';
import { RF_OP } from '../record/layout.gen.ts';
import { codesByNumber, EVENT_NAMES, EVENTS, eventDef, PARAM_NAMES } from './events.ts';
import { allSyscallNames, syscallNumber } from './syscalls.ts';

/** Parameters by event, in the order that evt.arg[N] counts. */
const PARAMETERS: Readonly<Record<string, string>> = {
  open: 'fd name flags mode dev ino',
  openat: 'fd dirfd name flags mode dev ino',
  openat2: 'fd dirfd name flags mode resolve dev ino',
  creat: 'fd name mode dev ino creat_flags',
  connect: 'res tuple fd addr',
  accept4: 'fd tuple queuepct queuelen queuemax flags',
  sendto: 'res data fd size tuple',
  recvfrom: 'res data tuple fd size',
  renameat2: 'res olddirfd oldpath newdirfd newpath flags',
  unlinkat: 'res dirfd name flags',
  symlinkat: 'res target linkdirfd linkpath',
  linkat: 'res olddir oldpath newdir newpath flags',
  fchmodat: 'res dirfd filename mode',
  mount: 'res dev dir type flags',
  ptrace: 'res addr data request pid',
  setresuid: 'res ruid euid suid',
  bpf: 'fd cmd',
  finit_module: 'res fd uargs flags',
  userfaultfd: 'res flags',
  ioctl: 'res fd request argument',
  setsockopt: 'res fd level optname val optlen',
  sendfile: 'res offset out_fd in_fd size',
  copy_file_range: 'res fdout offout fdin offin len',
  prlimit: 'res newcur newmax oldcur oldmax pid resource',
  munmap: 'res vm_size vm_rss vm_swap addr length',
  io_uring_register: 'res fd opcode arg nr_args',
  fsconfig: 'res fd cmd key value_bytebuf value_charbuf aux',
  execve:
    'res exe args tid pid ptid cwd fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap comm cgroups env tty vpgid loginuid flags cap_inheritable cap_permitted cap_effective exe_ino exe_ino_ctime exe_ino_mtime uid trusted_exepath pgid gid filename',
  clone:
    'res exe args tid pid ptid cwd fdlimit pgft_maj pgft_min vm_size vm_rss vm_swap comm cgroups flags uid gid vtid vpid pidns_init_start_ts',
};

test('parameters are in the order of the reference', () => {
  for (const [name, params] of Object.entries(PARAMETERS)) {
    const actual = eventDef(name)
      .params.map((p) => p.name)
      .join(' ');
    assert.equal(actual, params, name);
  }
});

test('every system call has an event, and every event another name', () => {
  assert.equal(new Set(EVENT_NAMES.names).size, EVENT_NAMES.names.length);
  for (const call of allSyscallNames()) assert.notEqual(EVENT_NAMES.code(call), undefined, call);
  assert.equal(EVENTS[EVENT_NAMES.code('pread64')!]!.name, 'pread');
  assert.equal(EVENTS[EVENT_NAMES.code('prlimit64')!]!.name, 'prlimit');
  assert.equal(EVENT_NAMES.code('foo_bar'), undefined);
});

test('names of Falco that nothing here raises are names all the same', () => {
  for (const name of [
    'send',
    'recv',
    'stat64',
    'mmap2',
    'setuid32',
    'socketcall',
    'procinfo',
    'pluginevent',
  ]) {
    assert.deepEqual(EVENTS[EVENT_NAMES.code(name)!]!.syscalls, [], name);
  }
  for (const name of ['optname', 'request', 'clockid', 'res_or_fd']) assert.ok(PARAM_NAMES.has(name), name);
});

test('capture rows only name arguments that a call can have, and operations that the kernel knows', () => {
  for (const def of EVENTS) {
    const { path = [], dirfd = [], fd, addr, addrLen, data, dataLen } = def.capture;
    for (const arg of [...path, addr ?? 0, addrLen ?? 0, data ?? 0]) assert.ok(arg >= 0 && arg < 6, def.name);
    for (const arg of dirfd) assert.ok(arg >= -1 && arg < 6, def.name);
    for (const arg of [fd, dataLen])
      assert.ok(arg === undefined || arg === 'ret' || (arg >= 0 && arg < 6), def.name);
    assert.ok(path.length <= 2 && dirfd.length <= path.length, def.name);
    assert.notEqual(RF_OP[def.op], undefined, def.op);
    for (const param of def.params) {
      if (param.path !== undefined && def.capture.path !== undefined)
        assert.ok(param.path < path.length, def.name);
    }
    if (def.fd === 'use') assert.equal(typeof fd, 'number', def.name);
  }
});

test('records find their event by the number of the call', () => {
  const codes = codesByNumber('x64');
  assert.equal(EVENTS[codes[syscallNumber('openat', 'x64')!]!]!.name, 'openat');
  assert.equal(EVENTS[codes[syscallNumber('getpid', 'x64')!]!]!.name, 'getpid');
  assert.equal(codes[1023], -1);
});

test('calls have the same numbers in the kernel programs', () => {
  const header = readFileSync(join(PACKAGE_ROOT, 'bpf/lsm/include/calls.h'), 'latin1');
  const parts = /^(.*)#if defined\(__TARGET_ARCH_x86\)\n(.*)#else\n(.*)#endif\n\n#endif\n$/s.exec(header);
  const [, both, x64, arm64] = parts ?? [];
  for (const [arch, own] of [
    ['x64', x64],
    ['arm64', arm64],
  ] as const) {
    const calls = [...`${both}${own}`.matchAll(/^#define RF_NR_(\w+) (\w+)$/gm)].slice(1);
    assert.ok(calls.length > 40);
    for (const [, name = '', number] of calls) {
      const known = syscallNumber(name.toLowerCase(), arch);
      assert.equal(number, known === undefined ? 'RF_NR_NONE' : String(known), `${name} on ${arch}`);
    }
  }
});
