/** Opens as fast as the cores can, with a rule that has to see each: what rings of several sizes lose. */
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { counters, lostOf, Monitor, ringfenceCommand } from './monitor.ts';
import { EVERY_OPEN } from './rules-cost.ts';

const OPENS = 600_000;
const MIB = 1 << 20;
const SIZES = [1, 2, 4, 8];

interface Outcome {
  /** Opens a second, of all cores together. */
  readonly rate: number;
  readonly emitted: number;
  readonly lost: number;
}

/** As many loops at a time as cores are wanted, beside an engine with these arguments. */
async function flood(folder: string, cores: number, args: readonly string[]): Promise<Outcome> {
  const monitor = await Monitor.start({ name: 'Ringfence', ...ringfenceCommand(folder, ...args) });
  try {
    const begun = performance.now();
    const loop = (): Promise<unknown> =>
      promisify(execFile)(join(folder, 'workload'), ['open', '/etc/hostname', String(OPENS)]);
    await Promise.all(Array.from({ length: cores }, loop));
    const seconds = (performance.now() - begun) / 1000;
    const counted = counters(folder);
    return { rate: (cores * OPENS) / seconds, emitted: counted.emitted ?? 0, lost: lostOf(counted) };
  } finally {
    await monitor.stop();
  }
}

const told = ({ rate, lost }: Outcome): string => `${lost} of ${(rate / 1000).toFixed(0)},000 a second`;

/** A table of ring sizes; and, where rules are given, what two cores that flood them come to. */
export async function floods(folder: string, given: readonly string[]): Promise<string> {
  const file = join(folder, 'every.yaml');
  writeFileSync(file, EVERY_OPEN);
  const rows: string[] = [];
  for (const size of SIZES) {
    const args = ['-r', file, '--set', `sensors.ring_bytes=${size * MIB}`];
    const one = await flood(folder, 1, args);
    const two = await flood(folder, 2, args);
    rows.push(`| ${size} MiB | ${told(one)} | ${told(two)} |`);
    console.error(`ring of ${size} MiB: ${told(one)}; two cores: ${told(two)}`);
  }
  const lines = [
    `A rule that has to see every open, ${OPENS} of them in a row on each core, and rings of several sizes:`,
    '',
    '| ring | lost, one core | lost, two cores |',
    '|---|---|---|',
    ...rows,
  ];
  if (given.length === 0) return lines.join('\n');
  const { rate, emitted, lost } = await flood(
    folder,
    2,
    given.flatMap((path) => ['-r', path]),
  );
  lines.push(
    '',
    `The same on two cores with the given rules: ${(rate / 1000).toFixed(0)},000 a second, ${emitted} events of all ` +
      `kinds reached user space, ${lost} were lost.`,
  );
  return lines.join('\n');
}
