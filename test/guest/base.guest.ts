import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { release } from 'node:os';
import { test } from 'node:test';

test('the kernel is the one asked for', () => {
  assert.ok(release().startsWith(`${process.env.RINGFENCE_GUEST}.`), release());
});

test('the kernel has BTF and runs BPF LSM programs', () => {
  assert.ok(existsSync('/sys/kernel/btf/vmlinux'));
  assert.ok(readFileSync('/sys/kernel/security/lsm', 'utf8').split(',').includes('bpf'));
});

test('native modules of the project load', async () => {
  const { default: koffi } = await import('koffi');
  const getpid = koffi.load('libc.so.6').func('int getpid()');
  assert.equal(getpid(), process.pid);
});

test('the project is the host’s, and writes to it stay in the guest', () => {
  writeFileSync('guest-was-here', '');
  assert.equal(JSON.parse(readFileSync('package.json', 'utf8')).name, 'ringfence');
});
