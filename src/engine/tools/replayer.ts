import { generateFilter } from '../../rules/code/generate.ts';
import type { CompiledRule, RuleSet } from '../../rules/index.ts';
import { reasonOf } from '../../rules/reason.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import type { AnyRec } from '../../sensors/record/record.gen.ts';
import { type RecordingEnd, type RecordingHeader, readRecording } from '../../sensors/record/recording.ts';
import type { Alert } from '../core/alert.ts';
import { MetricBuffer } from '../core/metrics.ts';
import type { Reason } from '../core/reason.ts';
import { BootClock } from '../enrich/clock.ts';
import { ContainerRegistry } from '../enrich/containers.ts';
import { Enricher } from '../enrich/enricher.ts';
import type { Event } from '../enrich/event.ts';
import { UserDirectory } from '../enrich/users.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { entryRule, guardRule } from '../ruleset.ts';

export interface ReplayOptions {
  readonly path: string;
  readonly rules: RuleSet<Event>;
  readonly emit: (alerts: readonly Alert[]) => void;
  /** Alerts carry the reason for them. */
  readonly explain?: boolean;
}

export interface ReplayResult extends RecordingEnd {
  readonly events: number;
  /** Records that were lost when the recording was made. */
  readonly lost: number;
}

/** Runs a recording through rules, as fast as it goes. Nothing is read from this host: the result is always the same. */
export function replay(options: ReplayOptions): ReplayResult {
  let pipeline: Pipeline | undefined;
  let enricher: Enricher | undefined;
  let lost = 0;
  const end = readRecording(options.path, {
    header: (header) => {
      enricher = enricherOf(header);
      pipeline = pipelineOf(header, enricher, options);
    },
    process: (rec) => seed(enricher!, rec),
    record: (rec) => pipeline!.record(rec),
    loss: (loss) => {
      lost += (loss as { count?: number } | undefined)?.count ?? 0;
    },
  });
  pipeline?.finish();
  return { ...end, events: pipeline?.seen ?? 0, lost };
}

function enricherOf(header: RecordingHeader): Enricher {
  return new Enricher({
    proc: undefined,
    forkEvents: true,
    exitEvents: true,
    hostname: header.hostname,
    clock: new BootClock(() => BigInt(header.clockOffset)),
    users: new UserDirectory(header.accounts),
    containers: new ContainerRegistry([]),
    arch: header.arch === 'arm64' ? 'arm64' : 'x64',
    tierOf: () => 'replay',
  });
}

/** A process that ran at the start: into the table, without being an event. Its start is known to a tick only. */
function seed(enricher: Enricher, rec: AnyRec): void {
  enricher.apply(rec);
  const known = enricher.table.byPid(rec.pid);
  if (known) known.exact = false;
}

function pipelineOf(header: RecordingHeader, enricher: Enricher, options: ReplayOptions): Pipeline {
  return new Pipeline(options.rules, {
    enricher,
    hostname: header.hostname,
    bootId: header.bootId,
    eventNames: EVENT_NAMES.names,
    metrics: new MetricBuffer(),
    emit: options.emit,
    tierOf: () => 'replay',
    decider: () => undefined,
    entryRule: entryRule(),
    guardRule: guardRule(),
    wait: { capacity: 0, waitMs: 0 },
    bootNow: () => 0,
    explain: options.explain ?? false,
  });
}

export interface RuleCost {
  readonly rule: string;
  /** Events of the types that the rule is filed under. */
  readonly events: number;
  readonly matches: number;
  /** Mean time of one evaluation by itself, without what rules share. */
  readonly nanoseconds: number;
}

/** What each rule costs on a recording, dearest first. */
export function profile(path: string, rules: RuleSet<Event>): RuleCost[] {
  const costs = rules.rules.map((rule) => ({
    rule,
    test: generateFilter(rule.plan),
    events: 0,
    matches: 0,
    ns: 0,
  }));
  const idle = timerCost();
  eachEvent(path, (event) => {
    for (const cost of costs) {
      if (cost.rule.eventCodes?.has(event.code) === false) continue;
      const started = process.hrtime.bigint();
      if (cost.test(event)) cost.matches++;
      cost.ns += Number(process.hrtime.bigint() - started) - idle;
      cost.events++;
    }
  });
  return costs
    .map(({ rule, events, matches, ns }) => ({
      rule: rule.name,
      events,
      matches,
      nanoseconds: events === 0 ? 0 : Math.max(0, ns / events),
    }))
    .sort((a, b) => b.nanoseconds * b.events - a.nanoseconds * a.events);
}

/** What reading the clock twice costs, in ns. */
function timerCost(): number {
  const rounds = 10_000;
  let sum = 0n;
  for (let i = 0; i < rounds; i++) {
    const started = process.hrtime.bigint();
    sum += process.hrtime.bigint() - started;
  }
  return Number(sum) / rounds;
}

/** The alert with this id, or whose id begins so, with the reason for it. */
export function findAlert(path: string, rules: RuleSet<Event>, id: string): Alert | undefined {
  let found: Alert | undefined;
  const emit = (alerts: readonly Alert[]): void => {
    found ??= alerts.find((alert) => alert.uuid.startsWith(id));
  };
  replay({ path, rules, emit, explain: true });
  return found;
}

/** How a rule's condition turns out for the event with this number (evt.num) of a recording. */
export function eventReason(path: string, rule: CompiledRule<Event>, num: number): Reason | undefined {
  let reason: Reason | undefined;
  eachEvent(path, (event) => {
    if (event.num === num) reason = reasonOf(rule.plan, event);
  });
  return reason;
}

/** Every event of a recording, without rules; the event is valid until `visit` returns. */
export function eachEvent(path: string, visit: (event: Event) => void): RecordingEnd {
  let enricher: Enricher | undefined;
  return readRecording(path, {
    header: (header) => {
      enricher = enricherOf(header);
    },
    process: (rec) => seed(enricher!, rec),
    record: (rec) => {
      const event = enricher!.apply(rec);
      if (event !== undefined) visit(event);
    },
    loss: () => {},
  });
}
