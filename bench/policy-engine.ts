import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ImportReport } from '../src/enforce/index.ts';
import { importFeed } from '../src/engine/cli/deny-import.ts';
import { ask } from '../src/engine/control/client.ts';
import { LiveEngine } from '../test/lib/engine.ts';
import { Actor } from './actor.ts';
import { mapMemory } from './kernel.ts';
import { address } from './policy-wall.ts';
import { median } from './report.ts';

const SWAPS = 7;
const PUSHES = 15;
const FEED = 100_000;
const POLICIES = 100;

/** Figures of a whole engine; times in ms. */
export interface EngineFigures {
  /** Compiling 1,000 rules, filling the new maps and switching to them. */
  readonly swapMs: number;
  readonly swapRules: string;
  /** From the request on the control socket to the first refused connect of a loop. */
  readonly pushMs: number;
  readonly pushWorstMs: number;
  readonly importMs: number;
  /** Bytes of kernel memory for one more denying rule on a file, on an address, and for one more deny entry. */
  readonly fileRuleBytes: number;
  readonly addressRuleBytes: number;
  readonly entryBytes: number;
}

const rule = (name: string, condition: string, enforce = '  enforce: deny\n'): string =>
  `- rule: ${name}\n  desc: d\n  condition: ${condition}\n  output: x\n  priority: INFO\n${enforce}`;
const fileRule = (folder: string, i: number, enforce?: string): string =>
  rule(`File ${i}`, `evt.type in (open, openat) and fd.name = ${folder}/secret-${i}`, enforce);
const addressRule = (i: number): string =>
  rule(`Address ${i}`, `evt.type = connect and fd.sip = "${address(i)}"`);

const many = (count: number, make: (i: number) => string): string =>
  Array.from({ length: count }, (_, i) => make(i)).join('');

/** Measures an engine of its own that enforces; `program` acts. */
export async function engineFigures(program: string, folder: string): Promise<EngineFigures> {
  const files = join(folder, 'files');
  mkdirSync(files);
  for (let i = 0; i < POLICIES; i++) writeFileSync(join(files, `secret-${i}`), '');
  const first = rule('First', 'evt.type = connect and fd.sip = "10.255.0.1"');
  const engine = await LiveEngine.start({
    rules: first,
    config: { mode: 'enforce', builtin_rules: false },
  });
  const actor = new Actor(program);
  try {
    const reload = async (text: string): Promise<number> => {
      writeFileSync(join(engine.folder, 'rules.yaml'), text);
      const before = inForce(engine).length;
      await ask(engine.socket, 'reload');
      await engine.until(() => inForce(engine).length > before, 5_000);
      return inForce(engine).at(-1) ?? Number.NaN;
    };
    const memory = (): number => mapMemory(engine.process.pid ?? 0);
    const start = memory();
    await reload(first + many(POLICIES, (i) => fileRule(files, i)));
    const withFiles = memory();
    await reload(first + many(POLICIES, addressRule));
    const withAddresses = memory();
    await reload(first);
    const plain = memory();

    const swap = many(500, addressRule) + many(POLICIES, (i) => fileRule(files, i)) + detecting(files, 400);
    const swaps: number[] = [];
    for (let i = 0; i < SWAPS; i++) swaps.push(await reload(`${swap}# ${i}\n`));

    const pushes: number[] = [];
    for (let i = 0; i < PUSHES; i++) pushes.push(await push(engine, actor, `127.9.0.${i + 1}`));

    const entriesBefore = memory();
    const begun = performance.now();
    await importFeed(
      many(FEED, (i) => `${address(i)}\n`),
      async (part) => (await ask(engine.socket, 'deny.import', part)) as ImportReport,
    );
    const importMs = performance.now() - begun;
    return {
      swapMs: median(swaps),
      swapRules: '600 denying, 400 detecting',
      pushMs: median(pushes),
      pushWorstMs: Math.max(...pushes),
      importMs,
      fileRuleBytes: (withFiles - start) / POLICIES,
      addressRuleBytes: (withAddresses - plain) / POLICIES,
      entryBytes: (memory() - entriesBefore) / FEED,
    };
  } finally {
    await actor.stop();
    await engine.stop();
  }
}

const detecting = (folder: string, count: number): string =>
  Array.from({ length: count }, (_, i) => fileRule(folder, 1000 + i, '')).join('');

/** What each policy took, by the engine's log. */
function inForce(engine: LiveEngine): number[] {
  return engine.log.flatMap((line) => (line.msg === 'policy in force' ? [Number(line.milliseconds)] : []));
}

/** ms from the request until another process's connect is refused. */
async function push(engine: LiveEngine, actor: Actor, target: string): Promise<number> {
  const { refused } = await actor.untilRefused(target);
  await sleep(20);
  const begun = process.hrtime.bigint();
  await ask(engine.socket, 'deny.add', { target, ttl: 600_000 });
  return Number((await refused).atNs - begun) / 1e6;
}
