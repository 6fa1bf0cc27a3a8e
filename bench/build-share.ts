/** Which part of a build's opens reaches user space, by rules. */
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { Monitor, ringfenceCommand, type Variant } from './monitor.ts';
import { EVERY_OPEN } from './rules-cost.ts';

const OPENS = new Set(['open', 'openat', 'openat2', 'creat']);
/** Its metrics are brought up to date once a second. */
const PUBLISHED_MS = 1_500;

/** How many opens of a build reach user space: with a rule that asks for all, and beside each of the variants. */
export async function buildShares(
  folder: string,
  variants: readonly Variant[],
  build: () => void,
): Promise<Map<string, string>> {
  const rules = join(folder, 'every.yaml');
  writeFileSync(rules, EVERY_OPEN);
  const every = { name: 'every', ...ringfenceCommand(folder, '-r', rules) };
  const all = await opensOf(folder, every, build);
  const shares = new Map<string, string>();
  for (const variant of variants) {
    const seen = await opensOf(folder, variant, build);
    shares.set(variant.name, `${((100 * seen) / all).toFixed(2)} % of ${all}`);
  }
  return shares;
}

async function opensOf(folder: string, variant: Variant, build: () => void): Promise<number> {
  const socket = join(folder, 'http.sock');
  const command = [
    ...(variant.command ?? []),
    '--set',
    'http.enabled=true',
    '--set',
    `http.socket=${socket}`,
  ];
  const monitor = await Monitor.start({ ...variant, command });
  try {
    const before = await openEvents(socket);
    build();
    return (await openEvents(socket)) - before;
  } finally {
    await monitor.stop();
  }
}

/** Opens that have come to the rules. */
async function openEvents(socketPath: string): Promise<number> {
  await new Promise((done) => setTimeout(done, PUBLISHED_MS));
  const text = await new Promise<string>((resolve, reject) => {
    get({ socketPath, path: '/metrics' }, async (response) => {
      let body = '';
      for await (const chunk of response) body += String(chunk);
      resolve(body);
    }).on('error', reject);
  });
  return [...text.matchAll(/^ringfence_events_total\{event="(\w+)"\} (\d+)/gm)]
    .filter(([, event]) => OPENS.has(event as string))
    .reduce((sum, [, , count]) => sum + Number(count), 0);
}
