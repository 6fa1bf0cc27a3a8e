import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { isDeepStrictEqual } from 'node:util';
import { ask } from '../../src/engine/control/client.ts';
import type { Figure } from '../../src/engine/core/metrics-registry.ts';
import type { LiveEngine } from './engine.ts';
import { SLOWNESS } from './slowness.ts';

/** Figures are handed over once a second. */
const PUBLISHED_MS = 5_000 * SLOWNESS;

/** A metric comes to have these values, each with its labels; none: it is not published. */
export async function assertFigures(
  engine: LiveEngine,
  name: string,
  wanted: readonly Readonly<Record<string, string | number>>[],
): Promise<void> {
  const end = performance.now() + PUBLISHED_MS;
  for (;;) {
    const figures = (await ask(engine.socket, 'metrics')) as Figure[];
    const found = figures
      .filter((figure) => figure.name === `ringfence_${name}`)
      .map(({ labels, value }) => ({ ...labels, value }));
    if (isDeepStrictEqual(found, wanted) || performance.now() > end)
      return assert.deepEqual(found, wanted, name);
    await sleep(50);
  }
}
