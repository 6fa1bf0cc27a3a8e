/** What an open costs by the number of rules about opens, in the kernel. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { counters, Monitor, ringfenceCommand, shareOf } from './monitor.ts';
import { median } from './report.ts';
import { openRule } from './rules-cost.ts';

const OPENS = 200_000;
const ROUNDS = 3;

/** ns per open and close, `times` in a row. */
function opens(folder: string, times: number): number[] {
  const args = ['open', '/etc/hostname', String(OPENS)];
  return Array.from({ length: times }, () =>
    Number(String(execFileSync(join(folder, 'workload'), args, { encoding: 'latin1' }))),
  );
}

/** Runs the loop beside an engine with these rules, and before and after it alone. */
async function beside(folder: string, rules: string) {
  const file = join(folder, 'rules.yaml');
  writeFileSync(file, rules);
  const before = opens(folder, ROUNDS);
  const monitor = await Monitor.start({ name: 'Ringfence', ...ringfenceCommand(folder, '-r', file) });
  const during = opens(folder, ROUNDS);
  const counted = counters(folder);
  await monitor.stop();
  const alone = median([...before, ...opens(folder, ROUNDS)]);
  return { ns: median(during), ratio: median(during) / alone, counted };
}

/** A table for 1 to 10,000 rules. */
export async function kernelCosts(folder: string): Promise<string> {
  const rows: string[] = [];
  for (const count of [1, 56, 1_000, 10_000]) {
    const rules = Array.from({ length: count }, (_, i) => openRule(i)).join('');
    const { ns, ratio, counted } = await beside(folder, rules);
    console.error(`${count} rules about opens: ${ratio.toFixed(2)} ×`);
    rows.push(`| ${count} | ${ns.toFixed(0)} ns | ${ratio.toFixed(2)} × | ${shareOf(counted)} |`);
  }
  return [
    '| rules about opens | open + close | ratio | reach user space |',
    '|---|---|---|---|',
    ...rows,
  ].join('\n');
}
