import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { kernelFunctions } from '../bpf/kernel-functions.ts';
import { CallFunctions } from './call-functions.ts';

const FUNC = 12;
const PROTO = 13;
const STRUCT = 4;

/** BTF of these types: kind, name, type, and bytes behind the header with the number of members they are. */
function btf(
  types: readonly (readonly [kind: number, name: string, type: number, members?: number])[],
): Buffer {
  let strings = '\0';
  const size = { [PROTO]: 8, [STRUCT]: 12 } as Readonly<Record<number, number>>;
  const body = types.map(([kind, name, type, members = 0]) => {
    const bytes = Buffer.alloc(12 + members * (size[kind] ?? 0));
    bytes.writeUInt32LE(name === '' ? 0 : strings.length, 0);
    bytes.writeUInt32LE((kind << 24) | members, 4);
    bytes.writeUInt32LE(type, 8);
    if (name !== '') strings += `${name}\0`;
    return bytes;
  });
  const all = Buffer.concat(body);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt32LE(24, 4);
  header.writeUInt32LE(all.length, 12);
  header.writeUInt32LE(all.length, 16);
  header.writeUInt32LE(strings.length, 20);
  return Buffer.concat([header, all, Buffer.from(strings)]);
}

const NATIVE = process.arch === 'x64' ? '__x64_sys_' : '__arm64_sys_';
/** Prototypes are the types 1 and 2; a struct in between must be stepped over. */
const KERNEL: Parameters<typeof btf>[0] = [
  [PROTO, '', 0, 1],
  [PROTO, '', 0, 1],
  [STRUCT, 'pt_regs', 0, 21],
  [FUNC, `${NATIVE}openat`, 1],
  [FUNC, `${NATIVE}close`, 1],
  [FUNC, '__do_sys_setsid', 2],
  [FUNC, `${NATIVE}connect`, 2],
  [FUNC, `${NATIVE}odd`, 3],
  [FUNC, 'bpf_get_attach_cookie_tracing', 2],
  [FUNC, '__ia32_sys_connect', 2],
  [FUNC, 'do_filp_open', 3],
];

test('functions are found by name, with their ids and prototypes', () => {
  const found = kernelFunctions((name) => name.endsWith('sys_connect'), btf(KERNEL));
  assert.deepEqual(found.get(`${NATIVE}connect`), { id: 7, prototype: 2 });
  assert.equal(found.has('pt_regs'), false);
});

test('a call goes to the body whose function has the same prototype', () => {
  const functions = CallFunctions.open(btf(KERNEL))!;
  const body = (call: string, side: 'exit' | 'enter' = 'exit') =>
    functions.targets(call, side)[0]?.body.program;
  assert.equal(body('openat'), 'rf_call_exit');
  assert.equal(body('setsid'), 'rf_call_exit_bare');
  assert.equal(body('connect'), 'rf_call_exit_bare');
  assert.equal(body('close', 'enter'), 'rf_call_enter');
  assert.equal(body('connect', 'enter'), undefined);
  assert.equal(body('odd'), undefined);
  assert.equal(body('no_such_call'), undefined);
});

test('32-bit callers are seen beside the others', {
  skip: process.arch === 'x64' ? false : 'x86 only',
}, () => {
  const targets = CallFunctions.open(btf(KERNEL))!.targets('connect', 'exit');
  assert.deepEqual(
    targets.map(({ name, compat }) => [name, compat]),
    [
      ['__x64_sys_connect', false],
      ['__ia32_sys_connect', true],
    ],
  );
});

test('opens and io_uring have programs of their own only where the kernel has their functions', () => {
  const without = CallFunctions.open(btf(KERNEL))!;
  assert.deepEqual(without.openPrograms('openat'), []);
  assert.deepEqual(without.uringPrograms('openat'), ['rf_uring_open']);
  assert.deepEqual(without.uringPrograms('unlinkat'), []);
  const complete = CallFunctions.open(
    btf([...KERNEL, [FUNC, 'fd_install', 3], [FUNC, 'tctx_task_work', 3]]),
  )!;
  const uring = ['rf_uring_begins', 'rf_uring_ends', 'rf_uring_open'];
  assert.deepEqual(complete.uringPrograms('openat'), uring);
  assert.deepEqual(complete.uringPrograms('unlinkat'), []);
  assert.deepEqual(complete.openPrograms('openat'), ['rf_open_returns', 'rf_open_installs']);
  assert.deepEqual(complete.openPrograms('connect'), []);
});

test('a kernel without cookies for attached programs is not used so', () => {
  const old = KERNEL.filter(([, name]) => name !== 'bpf_get_attach_cookie_tracing');
  assert.equal(CallFunctions.open(btf(old)), undefined);
});

test('the running kernel’s calls are found in its BTF', {
  skip: fs.existsSync('/sys/kernel/btf/vmlinux') ? false : 'needs a kernel with BTF',
}, () => {
  const functions = CallFunctions.open();
  assert.ok(functions !== undefined);
  for (const call of ['openat', 'connect', 'execve', 'setuid', 'setsid', 'ptrace']) {
    assert.equal(functions.targets(call, 'exit')[0]?.compat, false, call);
  }
});
