import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { PIN_DIR } from '../../src/enforce/index.ts';

const BPFFS = dirname(PIN_DIR);

/** Pins need a BPF file system; where none is mounted, a test has one of its own until it calls what this returns. */
export function mountBpffs(): () => void {
  if (readFileSync('/proc/self/mounts', 'utf8').includes(` ${BPFFS} bpf `)) return () => {};
  execFileSync('mount', ['-t', 'bpf', 'bpf', BPFFS]);
  return () => void execFileSync('umount', [BPFFS]);
}
