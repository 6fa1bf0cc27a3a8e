import { AuditStore } from './store.ts';
import { sampleEntries, writerOptions } from './testing.ts';

/**
 * A process that does nothing but write alerts, for tests that kill it. It prints the number of an alert when the
 * audit has acknowledged it. Arguments: folder, number of the first alert. The ten before it are handed over again,
 * as an engine does that does not know what became of them.
 */
const [folder = '', from = '1'] = process.argv.slice(2);
const store = await AuditStore.open(
  {
    ...writerOptions(folder, { maxFileBytes: 1 << 20 }),
    anchorIntervalMs: 20,
    waitMs: 2_000,
    maxQueued: 10_000,
  },
  { onState: ({ ok, reason }) => process.stdout.write(`state ${ok ? 'ok' : reason}\n`) },
);
const first = Number(from);
await store.append(sampleEntries(Math.max(1, first - 10), first - 1));
const writeFrom = async (n: number): Promise<void> => {
  for (let i = n; ; i += 4) {
    const outcome = await store.append(sampleEntries(i, i));
    if (outcome === 'committed') process.stdout.write(`${i}\n`);
  }
};
await Promise.all([0, 1, 2, 3].map((k) => writeFrom(first + k)));
