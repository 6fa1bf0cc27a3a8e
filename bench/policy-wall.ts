import { mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { policyRules } from '../src/enforce/clauses/from-rules.ts';
import { DenyKernel } from '../src/enforce/deny/deny-kernel.ts';
import { DenyList } from '../src/enforce/deny/deny-list.ts';
import { KernelPolicy } from '../src/enforce/kernel/kernel-policy.ts';
import { attachWall, cgroupId, WALL_PROGRAMS } from '../src/enforce/kernel/network-wall.ts';
import { compilePolicy } from '../src/enforce/tables/compile.ts';
import { bootNow } from '../src/engine/enrich/clock.ts';
import { cgroup2Mount } from '../src/sensors/bpf/probe.ts';
import { EVENT_NAMES } from '../src/sensors/events/events.ts';
import { syscallNumber } from '../src/sensors/events/syscalls.ts';
import { loadObject } from '../src/sensors/loader.ts';
import { Actor } from './actor.ts';
import { attachEmpty, runTime, withRunTimes } from './kernel.ts';
import { compiledRules } from './policy-rules.ts';
import { median } from './report.ts';

const ROUNDS = 41;
const CONNECTS = 2_000;

/** What one connect costs that nothing refuses, in ns; medians over interleaved rounds. */
export interface WallCost {
  readonly name: string;
  /** A connect without any program. */
  readonly alone: number;
  /** What the wall adds to it, and the ratio. */
  readonly added: number;
  readonly ratio: number;
  /** Run time of the wall's program as the kernel counts it, less that of an empty program counted beside it. */
  readonly program: number;
}

const rulesOn = (count: number): string =>
  Array.from(
    { length: count },
    (_, i) =>
      `- rule: Deny ${i}\n  desc: d\n  condition: evt.type = connect and fd.sip = "${address(i)}"\n  output: x\n  priority: INFO\n  enforce: deny\n`,
  ).join('');

/** The i-th of the even addresses of 10.0.0.0/8: no two of them make a network. */
export const address = (i: number): string => `10.${(i >> 15) & 255}.${(i >> 7) & 255}.${(2 * i) & 255}`;

/** An address beside the middle one of so many: as far down the tree as one can be without being in it. */
const beside = (count: number): string => address(count >> 1).replace(/\d+$/, (n) => String(Number(n) + 1));

/** The network wall in a cgroup of its own, beside an empty program in another and no program in none. */
export async function wallCosts(
  program: string,
  sizes: { readonly entries: readonly number[]; readonly rules: readonly number[] },
): Promise<WallCost[]> {
  const root = cgroup2Mount();
  if (root === undefined) throw new Error('the bench needs cgroup2');
  const [walled, plain] = [join(root, `rf-bench-${process.pid}`), join(root, `rf-empty-${process.pid}`)];
  mkdirSync(walled);
  mkdirSync(plain);
  const object = loadObject({
    programs: new Set(WALL_PROGRAMS),
    ringBytes: 4096,
    priorityRingBytes: 4096,
  });
  const links = attachWall(object, walled, WALL_PROGRAMS);
  const empty = attachEmpty(plain);
  const actors = [new Actor(program), new Actor(program, plain), new Actor(program, walled)] as const;
  const kernel = new KernelPolicy(object);
  const list = new DenyList({
    sink: new DenyKernel(object, { bootNs: bootNow, nowMs: Date.now }, cgroupId),
    store: { load: () => [], save: () => {} },
    now: Date.now,
    monitor: false,
  });
  const measure = (name: string, to: string) =>
    cost(name, to, actors, object.programFd('rf_connect4'), empty.fd);
  try {
    const out = [await measure('no entry, no rule', '10.200.0.1')];
    for (const count of sizes.entries) {
      list.import(Array.from({ length: count }, (_, i) => address(i)).join('\n'), {});
      out.push(await measure(`${count} deny entries`, beside(count)));
    }
    for (const { id } of list.list()) list.remove(id);
    for (const [generation, count] of sizes.rules.entries()) {
      const rules = policyRules(compiledRules(rulesOn(count)).rules, EVENT_NAMES.names, 'enforce');
      const { policy, errors } = compilePolicy(rules, generation + 1);
      if (errors.length > 0) throw new Error(errors[0]?.message);
      const numbers = (event: string): number[] => [syscallNumber(event) ?? []].flat();
      kernel.install(policy, numbers);
      out.push(await measure(`${count} denying rules`, beside(count)));
    }
    return out;
  } finally {
    for (const actor of actors) await actor.stop();
    for (const link of links.values()) link.destroy();
    empty.close();
    object.close();
    rmdirSync(walled);
    rmdirSync(plain);
  }
}

async function cost(
  name: string,
  to: string,
  [alone, plain, walled]: readonly [Actor, Actor, Actor],
  wall: number,
  empty: number,
): Promise<WallCost> {
  const rounds: { without: number; within: number }[] = [];
  const programs: number[] = [];
  for (let i = 0; i < ROUNDS; i++) {
    const without = await alone.time('connect', to, CONNECTS);
    rounds.push({ without, within: await walled.time('connect', to, CONNECTS) });
  }
  await withRunTimes(async () => {
    for (let i = 0; i < ROUNDS; i++) {
      const base = await counted(empty, plain, to);
      programs.push((await counted(wall, walled, to)) - base);
    }
  });
  return {
    name,
    alone: median(rounds.map((r) => r.without)),
    added: median(rounds.map((r) => r.within - r.without)),
    ratio: median(rounds.map((r) => r.within / r.without)),
    program: median(programs),
  };
}

/** Run time of a program for each of some connects. */
async function counted(fd: number, actor: Actor, to: string): Promise<number> {
  const before = runTime(fd);
  await actor.time('connect', to, CONNECTS);
  const after = runTime(fd);
  return (after.ns - before.ns) / (after.runs - before.runs);
}
