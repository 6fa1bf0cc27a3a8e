import assert from 'node:assert/strict';
import { test } from 'node:test';
import { syscallName } from './syscalls.ts';
import { compatCalls } from './syscalls-ia32.ts';

test('32-bit calls are found by the names of ours, those within socketcall behind the others', () => {
  const names = new Map(compatCalls().map(([theirs, ours]) => [theirs, syscallName(ours, 'x64')]));
  const expected: [number, string | undefined][] = [
    [3, 'read'],
    [5, 'open'],
    [11, 'execve'],
    [23, 'setuid'],
    [26, 'ptrace'],
    [52, 'umount2'],
    [102, undefined],
    [120, 'clone'],
    [192, 'mmap'],
    [213, 'setuid'],
    [221, 'fcntl'],
    [295, 'openat'],
    [357, 'bpf'],
    [362, 'connect'],
    [425, 'io_uring_setup'],
    [437, 'openat2'],
    [512 + 1, 'socket'],
    [512 + 3, 'connect'],
    [512 + 9, 'sendto'],
    [512 + 16, 'sendmsg'],
    [512 + 20, 'sendmmsg'],
  ];
  for (const [number, name] of expected) assert.equal(names.get(number), name, String(number));
});
