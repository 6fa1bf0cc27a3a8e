/** Time of the rules per event, in one thread, over records made by hand: enrichment and evaluation. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { Enricher } from '../src/engine/enrich/enricher.ts';
import type { Event } from '../src/engine/enrich/event.ts';
import { LANGUAGE } from '../src/engine/ruleset.ts';
import { type CompiledRule, loadRules, type RuleFile, type RuleSet } from '../src/rules/index.ts';
import { syscallNumber } from '../src/sensors/events/syscalls.ts';
import { type RecordSpec, recordOf } from '../src/sensors/record/build-record.ts';

const EVENTS = 50_000;
const ROUNDS = 7;

function opens(): RecordSpec[] {
  return Array.from({ length: 64 }, (_, i) => ({
    kind: 'call',
    nr: syscallNumber('openat')!,
    pid: 100 + (i % 8),
    tid: 100 + (i % 8),
    start: 1_000,
    ts: 5_000_000_000 + i,
    comm: 'cc1',
    ret: 3,
    args: [0xffffff9c, 0, 0, 0, 0, 0],
    path0: `/usr/include/x86_64-linux-gnu/sys/header-${i}.h`,
    fdType: 1,
    fdPath: `/usr/include/x86_64-linux-gnu/sys/header-${i}.h`,
  }));
}

function execs(): RecordSpec[] {
  return Array.from({ length: 64 }, (_, i) => ({
    kind: 'exec',
    pid: 100 + (i % 8),
    tid: 100 + (i % 8),
    start: 1_000,
    ts: 5_000_000_000 + i,
    comm: 'as',
    exe: '/usr/bin/x86_64-linux-gnu-as',
    filename: '/usr/bin/as',
    args: ['as', '--64', '-o', `/tmp/file-${i}.o`, `/tmp/file-${i}.s`].join('\0'),
    env: ['PATH=/usr/bin:/bin', 'HOME=/root', 'LANG=C.UTF-8', `MAKEFLAGS=j${i}`].join('\0'),
    cwd: '/srv/project',
  }));
}

function perEvent(rules: RuleSet<Event>, specs: readonly RecordSpec[]): number {
  const enricher = new Enricher({ proc: undefined });
  const records = specs.map((spec) => recordOf(spec));
  const out: CompiledRule<Event>[] = [];
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const started = process.hrtime.bigint();
    for (let i = 0; i < EVENTS; i++) {
      const event = enricher.apply(records[i % records.length]!)!;
      rules.evaluate(event, event.code, out);
    }
    times.push(Number(process.hrtime.bigint() - started) / EVENTS);
  }
  return times.sort((a, b) => a - b)[ROUNDS >> 1]!;
}

/** A rule about opens that the kernel can decide, one of many. */
export function openRule(i: number): string {
  return `- rule: R${i}\n  desc: d\n  condition: evt.type = openat and evt.is_open_write = true and fd.name startswith /srv/data-${i}/\n  output: x\n  priority: NOTICE\n`;
}

/** A rule for which every open has to be looked at in user space. */
export const EVERY_OPEN =
  '- rule: Every\n  desc: d\n  condition: evt.type in (open, openat, openat2, creat) and proc.cmdline contains no-such-text\n  output: x\n  priority: NOTICE\n';

function manyRules(count: number): RuleFile[] {
  return [{ name: 'many', text: Array.from({ length: count }, (_, i) => openRule(i)).join('') }];
}

function folder(path: string): RuleFile[] {
  return readdirSync(path)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({ name, text: readFileSync(join(path, name), 'utf8') }));
}

/** A table of ns per event for rule sets of several sizes. */
export function ruleCosts(given: string | undefined): string {
  const files = (given ?? '').split(' ').filter(Boolean);
  const sets: [string, RuleFile[]][] = [
    ['own rules', folder(join(PACKAGE_ROOT, 'rules'))],
    ...(files.length > 0
      ? ([['given rules', files.map((name) => ({ name, text: readFileSync(name, 'utf8') }))]] as [
          string,
          RuleFile[],
        ][])
      : []),
    ...[1, 100, 1_000, 10_000].map((count): [string, RuleFile[]] => [
      `${count} open rules`,
      manyRules(count),
    ]),
  ];
  const rows = sets.map(([name, list]) => {
    const { rules, diagnostics } = loadRules(list, LANGUAGE);
    if (rules === undefined) throw new Error(`${name}: ${diagnostics[0]?.message}`);
    return `| ${name} | ${rules.rules.length} | ${perEvent(rules, opens()).toFixed(0)} ns | ${perEvent(rules, execs()).toFixed(0)} ns |`;
  });
  return ['| rules in user space | number | per open | per exec |', '|---|---|---|---|', ...rows].join('\n');
}
