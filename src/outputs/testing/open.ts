import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type OutputDeps, OutputManager } from '../manager.ts';
import { noMetrics, silentLog } from './alerts.ts';

const folders: string[] = [];

// At the very end: hooks of a test run in the order in which they were made, so a server may still write there.
process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
});

/** A folder for one test, removed when the process ends. */
export function testFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-outputs-'));
  folders.push(folder);
  return folder;
}

/** Fast retries, so that a test of a failure does not wait. */
export const FAST = {
  retry: { initial_ms: 10, max_ms: 100, deadline_ms: 20_000 },
  send_timeout_ms: 1000,
} as const;

/** Opens outputs as the engine does. The test closes them. */
export function openOutputs(
  config: Readonly<Record<string, unknown>>,
  folder: string,
  deps: Partial<OutputDeps> = {},
): Promise<OutputManager> {
  return OutputManager.open(config, {
    hostname: 'node-7',
    version: '0.1.0',
    stateDir: folder,
    log: silentLog,
    metrics: noMetrics,
    ...deps,
  });
}

/** Waits until something holds; fails the test if it never does. */
export async function until(
  what: string,
  holds: () => boolean | Promise<boolean>,
  ms = 60_000,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
