import { type Decider, OPENED_MAP } from '../../enforce/index.ts';
import { reasonOf } from '../../rules/reason.ts';
import type { CompiledRule, RuleSet } from '../../rules/rule-set.ts';
import { RF_FLAG } from '../../sensors/record/layout.gen.ts';
import type { AnyRec } from '../../sensors/record/record.gen.ts';
import type { Alert, Guarantee, Tier } from '../core/alert.ts';
import type { MetricSink } from '../core/metrics.ts';
import type { Priority } from '../core/priority.ts';
import type { ContainerInfo } from '../enrich/container.ts';
import type { Enricher } from '../enrich/enricher.ts';
import type { Event, HeldEvent } from '../enrich/event.ts';
import { alertId } from './alert-id.ts';
import { type Outcome, WaitingRoom } from './waiting-room.ts';

export interface PipelineOptions {
  readonly enricher: Enricher;
  readonly hostname: string;
  readonly bootId: string;
  /** Names of event codes, for the metrics. */
  readonly eventNames: readonly string[];
  readonly metrics: MetricSink;
  /** Takes the alerts of a batch. */
  readonly emit: (alerts: readonly Alert[]) => void;
  readonly tierOf: (event: Event) => Tier;
  /** Who refused what a record with a clause tells of. */
  readonly decider: (rec: AnyRec) => Decider | undefined;
  /** The rule that renders alerts of deny entries. */
  readonly entryRule: CompiledRule<Event>;
  /** The rule that renders what the engine refused to protect itself. */
  readonly guardRule: CompiledRule<Event>;
  /** What a rule wants to be done after its alert. */
  readonly respond?: (event: Event, rule: CompiledRule<Event>) => void;
  readonly wait: { readonly capacity: number; readonly waitMs: number };
  /** The boot clock now, in ns. */
  readonly bootNow: () => number;
  /** Alerts carry the reason for them. */
  readonly explain: boolean;
}

/** Alerts handed over at once at most, so that a flood neither waits nor becomes one huge message. */
const MAX_ALERTS = 256;

const WARNING: Priority = 4;

/** Hooks' records whose call is awaited, at most. */
const MAX_AWAITED = 4096;

type Rule = CompiledRule<Event>;

/** What the rule does not know of a refusal. */
interface Addition {
  readonly text: string;
  readonly denyEntry?: string;
  readonly priority?: Priority;
  readonly fields: Alert['fields'];
}

interface Held {
  readonly event: HeldEvent;
  /** Rules that matched already and wait for their output only; undefined: nothing is evaluated yet. */
  readonly matched: readonly Rule[] | undefined;
  /** The rule whose alert has been raised already. */
  readonly told: string | undefined;
}

/** Records in, alerts out: enrich, evaluate, render. Nothing is allocated for an event that no rule matches. */
export class Pipeline {
  readonly #options: PipelineOptions;
  readonly #enricher: Enricher;
  readonly #counts: Float64Array;
  readonly #room: WaitingRoom<Held, ContainerInfo>;
  readonly #out: Rule[] = [];
  #rules: RuleSet<Event>;
  /** By event code: a rule's condition reads late metadata. */
  #late: Uint8Array;
  #alerts: Alert[] = [];
  /** By thread: the rule that a hook decided by, until the call itself is told. */
  readonly #awaited = new Map<number, string>();
  #lastTs = 0;
  #seen = 0;

  constructor(rules: RuleSet<Event>, options: PipelineOptions) {
    this.#options = options;
    this.#enricher = options.enricher;
    this.#counts = new Float64Array(options.eventNames.length);
    this.#room = new WaitingRoom(options.wait, (held, outcome) => this.#resume(held, outcome));
    this.#rules = rules;
    this.#late = lateCodes(rules, options.eventNames.length);
    this.#enricher.onSettled = (container) => {
      this.#room.settled(container);
      this.flush();
    };
  }

  /** Events since the start. */
  get seen(): number {
    return this.#seen;
  }

  /** Events that wait for metadata. */
  get waiting(): number {
    return this.#room.size;
  }

  /** Puts other rules in force from the next record on. */
  swap(rules: RuleSet<Event>): void {
    this.#late = lateCodes(rules, this.#options.eventNames.length);
    this.#rules = rules;
  }

  /** Takes one record; it is valid until this returns. */
  record(rec: AnyRec): void {
    const event = this.#enricher.apply(rec);
    if (event === undefined) return;
    this.#seen++;
    this.#counts[event.code]!++;
    this.#lastTs = event.ts;
    let told = this.#awaited.size === 0 ? undefined : this.#called(event.rec.tid);
    if (event.rec.clause !== 0) {
      const decided = this.#decided(event);
      if (decided !== undefined && event.rec.flags & RF_FLAG.NO_RESULT) {
        if (this.#awaited.size === MAX_AWAITED) this.#awaited.clear();
        this.#awaited.set(event.rec.tid, decided);
        return;
      }
      told = decided ?? told;
    }
    if (this.#late[event.code] === 1 && event.pending) {
      this.#room.enter({ event: event.hold(), matched: undefined, told }, event.container!);
      return;
    }
    const matches = this.#rules.evaluate(event, event.code, this.#out);
    if (matches > 0) this.#matched(event, matches, told);
  }

  /** The rule whose decision about this thread's call was told by the hook's record. */
  #called(tid: number): string | undefined {
    const rule = this.#awaited.get(tid);
    this.#awaited.delete(tid);
    return rule;
  }

  /** Hands over what has come together. */
  flush(): void {
    if (this.#alerts.length === 0) return;
    const alerts = this.#alerts;
    this.#alerts = [];
    this.#options.emit(alerts);
  }

  /** Evaluates what still waits, and hands it over. */
  finish(): void {
    this.#room.flush();
    this.flush();
  }

  /** Brings the figures up to date; once a second. */
  publish(): void {
    const { metrics, eventNames, bootNow } = this.#options;
    for (const [code, count] of this.#counts.entries()) {
      if (count > 0) metrics.add('events', [eventNames[code] ?? '?'], count);
    }
    this.#counts.fill(0);
    metrics.set('processes', [], this.#enricher.table.size);
    if (this.#lastTs > 0) metrics.set('lag', [], Math.max(0, (bootNow() - this.#lastTs) / 1e9));
    this.#lastTs = 0;
  }

  /** Raises the alert of what the kernel decided; the rule's name, undefined if nobody knows by now who did. */
  #decided(event: Event): string | undefined {
    const decider = this.#options.decider(event.rec);
    if (decider === undefined) return undefined;
    this.#options.metrics.add('enforcement', [decider.kind, guaranteeOf(event.rec.flags)]);
    if (decider.kind === 'entry') {
      const { target, reason, source } = decider.entry ?? {};
      const more = {
        'deny.target': target ?? null,
        'deny.reason': reason ?? null,
        'deny.source': source ?? null,
      };
      const id = String(decider.id);
      this.#alert(event, this.#options.entryRule, { text: `entry=${id}`, denyEntry: id, fields: more });
      return this.#options.entryRule.name;
    }
    if (decider.kind === 'guard') {
      const file = 'path0' in event.rec ? event.rec.path0 : undefined;
      const fields = { 'guard.what': decider.what, 'guard.file': file ?? null };
      const text = file === undefined ? `what=${decider.what}` : `what=${decider.what} file=${file}`;
      const priority = decider.what === OPENED_MAP ? { priority: WARNING } : {};
      this.#alert(event, this.#options.guardRule, { text, fields, ...priority });
      return this.#options.guardRule.name;
    }
    const rule = this.#rules.rules.find((candidate) => candidate.name === decider.name);
    if (rule === undefined) return undefined;
    this.#alert(event, rule);
    return rule.name;
  }

  #matched(event: Event, matches: number, told: string | undefined): void {
    const rules = this.#out.slice(0, matches);
    if (event.pending && rules.some((rule) => rule.output.late)) {
      this.#room.enter({ event: event.hold(), matched: rules, told }, event.container!);
      return;
    }
    this.#tell(event, rules, told);
  }

  #tell(event: Event, rules: readonly Rule[], told: string | undefined): void {
    for (const rule of rules) if (rule.name !== told) this.#alert(event, rule);
  }

  #resume({ event: held, matched, told }: Held, outcome: Outcome): void {
    this.#options.metrics.add('eventsDeferred', [outcome]);
    const event = this.#enricher.resume(held);
    const rules = matched ?? this.#out.slice(0, this.#rules.evaluate(event, event.code, this.#out));
    this.#tell(event, rules, told);
    // Outside a batch nobody else would.
    if (outcome === 'timeout') this.flush();
  }

  #alert(event: Event, rule: Rule, more?: Addition): void {
    const { hostname, bootId, metrics, tierOf, bootNow, explain } = this.#options;
    const { rec } = event;
    const { message, fields } = rule.render(event);
    this.#alerts.push({
      uuid: alertId(hostname, bootId, rec, rule.name),
      timeNs: event.epochNs,
      rule: rule.name,
      priority: more?.priority ?? rule.priority,
      source: rule.source,
      tags: rule.tags,
      hostname,
      message: more === undefined ? message : `${message} ${more.text}`,
      fields: more === undefined ? fields : { ...fields, ...more.fields },
      ...(more?.denyEntry === undefined ? {} : { denyEntry: more.denyEntry }),
      guarantee: guaranteeOf(rec.flags),
      tier: tierOf(event),
      bootId,
      policyGeneration: rec.policy,
      location: rule.location,
      ...(explain ? { reason: reasonOf(rule.plan, event) } : {}),
    });
    if (rule.respond.length > 0) this.#options.respond?.(event, rule);
    metrics.add('ruleMatches', [rule.name, String(rule.priority)]);
    metrics.observe('alertLatency', [], Math.max(0, (bootNow() - rec.ts) / 1e9));
    if (this.#alerts.length >= MAX_ALERTS) this.flush();
  }
}

function guaranteeOf(flags: number): Guarantee {
  if (flags & RF_FLAG.DENIED) return 'denied';
  if (flags & RF_FLAG.KILLED) return 'killed';
  return flags & RF_FLAG.WOULD_DENY ? 'would_deny' : 'observed';
}

function lateCodes(rules: RuleSet<Event>, codes: number): Uint8Array {
  const late = new Uint8Array(codes);
  for (const rule of rules.rules.filter((candidate) => candidate.late)) {
    if (rule.eventCodes === undefined) late.fill(1);
    else for (const code of rule.eventCodes) late[code] = 1;
  }
  return late;
}
