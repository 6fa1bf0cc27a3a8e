import { existsSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { UPSTREAM_RULES } from '../lib/upstream-rules.ts';
import { type KernelLine, kernelLines } from './kernels.ts';
import { GuestFailure, runInGuest } from './run.ts';

/** node dist/test/guest/cli.js --kernel 6.12 -- COMMAND…: runs a command in a guest, with its exit code. */
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kernel: { type: 'string', default: '6.12' },
    timeout: { type: 'string', default: '300' },
    append: { type: 'string', default: '' },
    writable: { type: 'boolean', default: false },
  },
});
const kernel = kernelLines.find((line) => line === values.kernel) as KernelLine | undefined;
if (kernel === undefined || positionals.length === 0) {
  console.error(`usage: cli.js --kernel ${kernelLines.join('|')} [--timeout S] [--writable] -- COMMAND…`);
  process.exit(2);
}
try {
  const result = await runInGuest({
    kernel,
    command: positionals,
    timeoutMs: Number(values.timeout) * 1000,
    writable: values.writable,
    append: values.append,
    env: { RINGFENCE_GUEST: kernel },
    copies: [UPSTREAM_RULES].filter((path) => existsSync(path)),
    onStdout: (chunk) => process.stdout.write(chunk),
    onStderr: (chunk) => process.stderr.write(chunk),
  });
  process.exitCode = result.code;
} catch (error) {
  if (!(error instanceof GuestFailure)) throw error;
  console.error(error.message);
  process.exitCode = 125;
}
