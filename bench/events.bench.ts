/**
 * What one event of each kind costs: node dist/bench/events.bench.js (as root, needs a C compiler).
 *
 * A loop makes one kind of call, without a sensor and under one that sends every such call with all that rules can ask
 * for; in turn, several rounds, medians. The work in user space is enrichment and our own rules. The table is
 * written to docs/performance.md.
 */
import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { Enricher } from '../src/engine/enrich/enricher.ts';
import type { Event } from '../src/engine/enrich/event.ts';
import { LANGUAGE, readRuleFiles } from '../src/engine/ruleset.ts';
import { type CompiledRule, loadRules, type RuleSet } from '../src/rules/index.ts';
import { planCapture } from '../src/sensors/calls/capture-plan.ts';
import { EVENT_NAMES } from '../src/sensors/events/events.ts';
import { KernelSensor } from '../src/sensors/sensor.ts';
import { median, writeSection } from './report.ts';

const ROUNDS = 5;
const LOOP_MS = 50;

/** The kinds that bench/events.c knows; an open of libc's is an openat. */
const KINDS = (
  'openat openat2 close dup pipe2 memfd_create rename unlink mkdir link symlink chmod fchmod chdir socket connect bind ' +
  'listen accept4 sendto recvfrom setuid kill ptrace unshare setns io_uring_setup clone execve'
).split(' ');

interface Sample {
  /** Of the call, in ns: the median, since others also use the machine. */
  readonly ns: number;
  /** Of the reader, in µs: the median of enrichment and rules. */
  readonly work: number;
  readonly bytes: number;
  readonly lost: number;
}

/** The reader of one watched round: counts what the loop makes. */
class Watch {
  readonly #sensor: KernelSensor;
  readonly #enricher = new Enricher({ forkEvents: true });
  readonly #rules: RuleSet<Event>;
  readonly #matched: CompiledRule<Event>[] = [];
  #code = -1;
  #times: number[] = [];
  #bytes = 0;

  constructor(rules: RuleSet<Event>) {
    this.#rules = rules;
    const plan = planCapture([{ events: KINDS, reads: ['buffer', 'cwd', 'session'] }]);
    const { capture, tracepoints } = plan;
    this.#sensor = KernelSensor.open({ capture, tracepoints, lifecycle: true, ignorePid: process.pid });
    this.#sensor.start({
      record: (rec) => {
        const begun = performance.now();
        const event = this.#enricher.apply(rec);
        if (event === undefined) return;
        this.#rules.evaluate(event, event.code, this.#matched);
        this.#matched.length = 0;
        if (event.code !== this.#code) return;
        this.#times.push(performance.now() - begun);
        this.#bytes += rec.bytes().length;
      },
      batchEnd: () => {},
      loss: () => {},
      failed: (error) => console.error(error),
    });
  }

  async sample(kind: string, loop: () => Promise<number>): Promise<Sample> {
    this.#code = EVENT_NAMES.code(kind)!;
    this.#times = [];
    this.#bytes = 0;
    const lost = this.#lost();
    const ns = await loop();
    this.#sensor.drain();
    const bytes = this.#bytes / this.#times.length;
    return { ns, work: 1000 * median(this.#times), bytes, lost: this.#lost() - lost };
  }

  #lost(): number {
    const { lostRing, lostPriority, lostSlot } = this.#sensor.stats();
    return lostRing + lostPriority + lostSlot;
  }

  close(): void {
    this.#sensor.close();
  }
}

async function measure(program: string, folder: string, rules: RuleSet<Event>): Promise<string[]> {
  const run = promisify(execFile);
  const loop = async (kind: string): Promise<number> =>
    Number((await run(program, [kind, String(LOOP_MS), folder])).stdout.split(' ')[0]);
  const alone = new Map<string, number[]>(KINDS.map((kind) => [kind, []]));
  const watched = new Map<string, Sample[]>(KINDS.map((kind) => [kind, []]));
  for (let round = 0; round < ROUNDS; round++) {
    for (const kind of KINDS) alone.get(kind)?.push(await loop(kind));
    const watch = new Watch(rules);
    for (const kind of KINDS) watched.get(kind)?.push(await watch.sample(kind, () => loop(kind)));
    watch.close();
    await new Promise((done) => setTimeout(done, 50));
  }
  return KINDS.map((kind) => {
    const without = alone.get(kind) ?? [];
    const under = watched.get(kind) ?? [];
    const of = (key: keyof Sample): number => median(under.map((sample) => sample[key]));
    const ratio = median(under.map(({ ns }, i) => ns / (without[i] ?? Number.NaN)));
    const lost = under.reduce((sum, sample) => sum + sample.lost, 0);
    const cells = [median(without).toFixed(0), of('ns').toFixed(0), `${ratio.toFixed(2)} ×`];
    return `| ${[kind, ...cells, of('bytes').toFixed(0), of('work').toFixed(1), lost].join(' | ')} |`;
  });
}

if (process.getuid?.() !== 0) throw new Error('the bench needs root: it loads BPF programs');
const folder = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));
try {
  const program = join(folder, 'events');
  execFileSync('cc', ['-O2', '-o', program, join(PACKAGE_ROOT, 'bench/events.c')]);
  const own = join(PACKAGE_ROOT, 'rules');
  const files = readdirSync(own).filter((name) => name.endsWith('.yaml'));
  const { rules } = loadRules(readRuleFiles(files.sort().map((name) => join(own, name))), LANGUAGE);
  if (rules === undefined) throw new Error('our own rules do not load');
  const text = [
    '| event | ns alone | ns watched | ratio | bytes a record | µs in user space | lost |',
    '|---|---|---|---|---|---|---|',
    ...(await measure(program, folder, rules)),
  ].join('\n');
  writeSection('events', text);
  console.log(text);
} finally {
  rmSync(folder, { recursive: true });
}
