import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { UPSTREAM_RULES } from '../scenarios/lib/upstream.ts';
import { projectRoot, whyNoGuest } from './host.ts';
import { fetchKernel, type KernelLine, kernelLines } from './kernels.ts';
import { readReport } from './results.ts';
import { runInGuest } from './run.ts';

const built = join(projectRoot, 'dist/test/guest');
/**
 * Tests of the host that also run in the guests, as folders or files below dist. Those that start engines take many
 * minutes there: RINGFENCE_GUEST_ALSO=test/scenarios.live.test.js,test/upstream.live.test.js adds them.
 */
const shared = [
  'test/lib/container.test.js',
  'src/sensors/sensor.test.js',
  'src/sensors/sensor-exec.test.js',
  'src/sensors/probe.test.js',
  'test/enforce.live.test.js',
];

async function guestFiles(): Promise<string[]> {
  const own = await testFiles('test/guest', '.guest.js');
  const also = process.env.RINGFENCE_GUEST_ALSO?.split(',') ?? [];
  const others = await Promise.all([...shared, ...also].map((path) => testFiles(path, '.test.js')));
  const only = process.env.RINGFENCE_GUEST_ONLY;
  return [...own, ...others.flat()].filter((file) => only === undefined || file.includes(only));
}

async function testFiles(path: string, ending: string): Promise<string[]> {
  const whole = join(projectRoot, 'dist', path);
  if (path.endsWith(ending)) return [whole];
  const names = existsSync(whole) ? await readdir(whole) : [];
  return names.filter((name) => name.endsWith(ending)).map((name) => join(whole, name));
}

/** Everything is emulated: ten times slower than here, and more on a busy machine. */
const BATCH_MS = 2_400_000;

/** Boots one guest for all files and reports each of its tests as one of ours. */
async function runBatch(t: TestContext, kernel: KernelLine): Promise<void> {
  try {
    await fetchKernel(kernel);
  } catch (error) {
    t.skip(`no ${kernel} kernel: ${(error as Error).message}`);
    return;
  }
  const files = await guestFiles();
  let text = '';
  let stderr = '';
  const ended = await runInGuest({
    kernel,
    command: ['node', '--enable-source-maps', join(built, 'inside.js'), ...files],
    env: { RINGFENCE_GUEST: kernel },
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
  test(`on Debian's ${kernel} kernel`, { skip: why ?? false }, (t) => runBatch(t, kernel));
}
