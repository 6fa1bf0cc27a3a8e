import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { UPSTREAM_RULES } from '../lib/upstream-rules.ts';
import { projectRoot, whyNoGuest } from './host.ts';
import { fetchKernel, type KernelLine, kernelLines } from './kernels.ts';
import { readReport } from './results.ts';
import { runInGuest } from './run.ts';

const built = join(projectRoot, 'dist/test/guest');
/** What every run does in the guests: that they are what they should be, that refusals hold, that the engine sees. */
const always = [
  'test/guest/base.guest.js',
  'test/enforce.live.test.js',
  'test/guard.live.test.js',
  'src/sensors/sensor-canary.test.js',
];

/** Everything is emulated, and slow: the long mode (RINGFENCE_LONG=1) also compares both ways to see a call, and so on. */
const long = [
  'test/enforce-return.live.test.js',
  'test/tiers.live.test.js',
  'test/guest/uring.guest.js',
  'test/uring.live.test.js',
  'test/compat.live.test.js',
  'test/guard-engine.live.test.js',
  'test/reliability/privileges.live.test.js',
  'test/lib/container.test.js',
  'src/sensors/sensor.test.js',
  'src/sensors/sensor-exec.test.js',
  'src/sensors/bpf/probe.test.js',
];

/** A boot of its own in the long mode: the kernel has BPF LSM, and its command line leaves it out. */
const withoutLsm = {
  append: 'lsm=lockdown,capability,landlock,yama,apparmor',
  files: ['test/guest/no-lsm.guest.js', 'test/enforce.live.test.js'],
};

/** Files below dist; RINGFENCE_GUEST_ALSO=FILE,FILE adds some. */
function guestFiles(): string[] {
  const also = process.env.RINGFENCE_GUEST_ALSO?.split(',') ?? [];
  return [...always, ...(process.env.RINGFENCE_LONG ? long : []), ...also];
}

/** RINGFENCE_GUEST_ONLY=TEXT|TEXT leaves files out whose names have none of these. */
function wanted(files: readonly string[]): string[] {
  const only = process.env.RINGFENCE_GUEST_ONLY?.split('|');
  return files
    .filter((file) => only === undefined || only.some((text) => file.includes(text)))
    .map((file) => join(projectRoot, 'dist', file));
}

/** Everything is emulated: ten times slower than here, and more on a busy machine. */
const BATCH_MS = process.env.RINGFENCE_LONG ? 5_400_000 : 2_400_000;

/** Boots one guest for all files and reports each of its tests as one of ours. */
async function runBatch(
  t: TestContext,
  kernel: KernelLine,
  files: readonly string[],
  append = '',
): Promise<void> {
  try {
    await fetchKernel(kernel);
  } catch (error) {
    t.skip(`no ${kernel} kernel: ${(error as Error).message}`);
    return;
  }
  let text = '';
  let stderr = '';
  const ended = await runInGuest({
    kernel,
    command: ['node', '--enable-source-maps', join(built, 'inside.js'), ...files],
    env: { RINGFENCE_GUEST: kernel },
    append,
    copies: [UPSTREAM_RULES].filter((path) => existsSync(path)),
    timeoutMs: BATCH_MS,
    onStdout: (chunk) => {
      text += chunk.toString('latin1');
    },
    onStderr: (chunk) => {
      stderr += chunk.toString();
    },
  }).catch((error: Error) => error);
  // Also of a guest that broke down: what it has said until then counts.
  const report = readReport(Buffer.from(text, 'latin1').toString());
  for (const guest of report.tests) {
    await t.test(guest.name, (sub) => {
      if (guest.skip !== undefined) sub.skip(guest.skip);
      else if (guest.error !== undefined) assert.fail(guest.error);
    });
  }
  if (ended instanceof Error) throw ended;
  assert.ok(report.complete, `the guest's tests ended early:\n${report.output}${stderr}`);
  assert.ok(report.tests.length >= files.length, `${files.length} files gave ${report.tests.length} tests`);
}

const why =
  whyNoGuest() ??
  (existsSync(join(built, 'inside.js')) ? undefined : 'needs the built project (npm run build)');

for (const kernel of kernelLines) {
  test(`on Debian's ${kernel} kernel`, { skip: why ?? false }, (t) =>
    runBatch(t, kernel, wanted(guestFiles())),
  );
  const others = process.env.RINGFENCE_LONG ? wanted(withoutLsm.files) : [];
  if (others.length > 0)
    test(`on Debian's ${kernel} kernel booted without BPF LSM`, { skip: why ?? false }, (t) =>
      runBatch(t, kernel, others, withoutLsm.append),
    );
}
