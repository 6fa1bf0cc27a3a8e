import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { projectRoot, whyNoGuest } from './host.ts';
import { fetchKernel } from './kernels.ts';
import { GuestFailure, runInGuest } from './run.ts';

const skip =
  whyNoGuest() ??
  (await fetchKernel('6.12').then(
    () => false as const,
    (error: Error) => error.message,
  ));

test('a guest streams both outputs while it runs and hands back the exit code', { skip }, async () => {
  const arrived: { text: string; at: number }[] = [];
  const marker = `guest-marker-${process.pid}`;
  const result = await runInGuest({
    kernel: '6.12',
    command: ['sh', '-c', `echo one; sleep 1; echo "two $WORD"; echo wrong >&2; : > ${marker}; exit 7`],
    env: { WORD: "it's" },
    timeoutMs: 120_000,
    onStdout: (chunk) => arrived.push({ text: chunk.toString(), at: performance.now() }),
  });
  assert.deepEqual(result, { code: 7, stdout: "one\ntwo it's\n", stderr: 'wrong\n' });
  assert.ok(arrived[1]!.at - arrived[0]!.at > 500, 'both lines came at once');
  assert.ok(!existsSync(join(projectRoot, marker)), 'the guest wrote to the host');
});

test('a guest that runs too long is ended and leaves no process behind', { skip }, async () => {
  const wait = runInGuest({ kernel: '6.12', command: ['sleep', '600'], timeoutMs: 1000 });
  await assert.rejects(
    wait,
    (error) => error instanceof GuestFailure && /no end after 1000 ms/.test(error.message),
  );
  assert.deepEqual(childrenOf(process.pid), []);
});

/** Direct children that are still there, zombies aside. */
function childrenOf(pid: number): string[] {
  const stats = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  return stats.flatMap((name) => {
    try {
      const text = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state, parent] = text.slice(text.lastIndexOf(')') + 2).split(' ');
      return state !== 'Z' && Number(parent) === pid ? [text] : [];
    } catch {
      return [];
    }
  });
}
