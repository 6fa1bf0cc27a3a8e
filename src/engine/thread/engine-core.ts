import { DENY_QUESTIONS, Enforcer, GUARD_QUESTIONS, Guard, POLICY_QUESTIONS } from '../../enforce/index.ts';
import { addressNames } from '../../rules/fields/address-names.ts';
import type { CompiledRule, RuleSet } from '../../rules/index.ts';
import { harmlessCall } from '../../sensors/calls/self-call.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import type { KernelSensor } from '../../sensors/sensor.ts';
import { bootId } from '../core/clock.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { parseDuration, TIMER_MAX_MS } from '../core/units.ts';
import { bootNow } from '../enrich/clock.ts';
import { ContainerRegistry } from '../enrich/containers.ts';
import { Enricher } from '../enrich/enricher.ts';
import type { Event } from '../enrich/event.ts';
import { knownRuntimes } from '../enrich/runtimes.ts';
import { guardedPaths } from '../guarded.ts';
import { trimMemory } from '../libc.ts';
import { Canary } from '../pipeline/canary.ts';
import { Pipeline } from '../pipeline/pipeline.ts';
import { respond } from '../pipeline/respond.ts';
import { compareRules } from '../rule-diff.ts';
import { entryRule, guardRule } from '../ruleset.ts';
import type { EngineSensors } from './engine-sensors.ts';
import type { EngineReport, EngineSpec, FromEngine } from './protocol.ts';
import { buildState, modeOf, type State } from './state.ts';
import { Teller } from './teller.ts';

/** What takes long of a start. Nothing is attached yet, nothing runs. */
export interface Prepared extends EngineSensors {
  readonly state: State;
}

const PUBLISH_MS = 1000;
/** What V8's compiler and peaks of load leave in the C library is given back this often. */
const TRIM_MS = 120_000;

/** Everything in the engine thread: sensors → enrichment → rules, and what changes them while they run. */
export class EngineCore {
  readonly #tell: Teller;
  /** Alerts that the main thread was too slow for, since it was asked last. */
  readonly #dropped: () => number;
  readonly #sensor: KernelSensor;
  readonly #enforcer: Enforcer;
  readonly #guard: Guard;
  readonly #enricher: Enricher;
  readonly #pipeline: Pipeline;
  readonly #canary: Canary;
  #timer: NodeJS.Timeout | undefined;
  #canaryTimer: NodeJS.Timeout | undefined;
  readonly #tiers: Readonly<Record<string, string>>;
  #state: State;
  #spec: EngineSpec;
  /** Time that the machine has slept since it was booted, in ns. */
  #suspended = 0;
  #mode: 'monitor' | 'enforce';

  /** Loads the rules, and what of the sensors depends on them. Throws an AppError that says what is wrong. */
  static prepare(spec: EngineSpec, sensors: EngineSensors): Prepared {
    const { sensor } = sensors;
    try {
      const state = buildState(spec);
      sensor.watch(state.plan);
      return { ...sensors, state };
    } catch (error) {
      sensor.close();
      throw error;
    }
  }

  /** Attaches and runs what was prepared. Throws an AppError that says what is wrong. */
  static async start(
    spec: EngineSpec,
    prepared: Prepared,
    send: (message: FromEngine) => void,
    dropped: () => number,
  ): Promise<EngineCore> {
    const core = new EngineCore(spec, prepared, send, dropped);
    await Promise.all([prepared.sensor.loaded(), core.#enforcer.loadWall()]);
    core.#run();
    return core;
  }

  private constructor(
    spec: EngineSpec,
    prepared: Prepared,
    send: (message: FromEngine) => void,
    dropped: () => number,
  ) {
    const { state, tiers, guards, sensor } = prepared;
    this.#tell = new Teller(send, spec.hostname, (ns) => this.#enricher.event.services.clock.toEpoch(ns));
    this.#dropped = dropped;
    this.#spec = spec;
    this.#state = state;
    this.#sensor = sensor;
    const { plan, rules } = state;
    const { config } = spec;
    this.#mode = modeOf(spec);
    const { files, exec, network } = tiers;
    this.#tiers = { observe: 'observe', files, exec, network };
    this.#enforcer = new Enforcer({
      object: this.#sensor.object,
      control: this.#sensor.control,
      tiers,
      stateDir: config.state_dir,
      mode: this.#mode,
      pin: config.enforcement.pin && !spec.dryRun,
      protectedExecutables: config.enforcement.protected,
      maxDenialsPerMinute: config.enforcement.max_denials_per_minute,
      onTamper: (what, failed) => this.#tell.tampered(what, failed),
      onUnstored: (what, error) =>
        this.#tell.log(
          'error',
          { code: 'E_DENY_STORE', what, message: (error as Error).message },
          'what is in force could not be stored for the next start',
        ),
      onTrip: (rule) =>
        this.#tell.log(
          'error',
          { code: 'E_BUDGET', rule },
          'a rule refused too much and only watches from now on',
        ),
    });
    this.#guard = new Guard(this.#sensor.object, guards);
    this.#enforce(rules);
    this.#enricher = new Enricher({
      ...plan.wants,
      maxProcesses: config.process_table.max_processes,
      containers: new ContainerRegistry(
        config.containers.enabled ? knownRuntimes(config.containers.host_root) : [],
      ),
      hostname: spec.hostname,
      tierOf: (rec) => this.#enforcer.attribution.tierOf(rec),
    });
    this.#measureSuspension();
    this.#pipeline = new Pipeline(rules, {
      enricher: this.#enricher,
      hostname: spec.hostname,
      bootId: bootId(),
      eventNames: EVENT_NAMES.names,
      metrics: this.#tell.metrics,
      emit: (alerts) => send({ type: 'alerts', alerts }),
      tierOf: (event) => this.#enforcer.attribution.tierOf(event.rec),
      decider: (rec) => this.#enforcer.attribution.decider(rec),
      entryRule: entryRule(),
      guardRule: guardRule(),
      respond: (event, rule) => this.#respond(event, rule),
      wait: {
        capacity: config.containers.max_waiting_events,
        waitMs: parseDuration(config.containers.wait) ?? 500,
      },
      bootNow: () => Number(process.hrtime.bigint()) + this.#suspended,
      explain: (config.outputs.audit as { enabled?: boolean } | undefined)?.enabled === true,
    });
    this.#canary = new Canary(harmlessCall(plan.tracepoints), (call) => this.#sensor.makeCanary(call));
  }

  /** Everything is loaded: attaches it, and begins. */
  #run(): void {
    const { plan, rules } = this.#state;
    this.#enforcer.attach();
    this.#sensor.control.setSpare(plan.spare);
    this.#sensor.start({
      record: (rec) => this.#pipeline.record(rec),
      batchEnd: () => this.#pipeline.flush(),
      loss: (loss) => this.#tell.lost(loss),
      canary: () => this.#canarySeen(),
      failed: (error) =>
        this.#tell.log(
          'error',
          { code: 'E_PIPELINE', message: (error as Error).stack },
          'a record was not evaluated',
        ),
    });
    this.#enforcer.seed();
    this.#enricher.warmStart();
    this.#protect();
    this.#tellJournal();
    this.#watchNames(rules);
    this.#timer = setInterval(() => this.#publish(), PUBLISH_MS);
    this.#canaryTimer = this.#startCanary(parseDuration(this.#spec.config.canary.interval) ?? 0);
    this.#reportUnavailable();
  }

  get report(): EngineReport {
    return { ...this.#state.report, tiers: this.#tiers };
  }

  /** Does what can be done once the engine runs. */
  settle(): void {
    this.#enforcer
      .prepareWall()
      .catch((error: unknown) => {
        const { message } = error as Error;
        this.#tell.log('error', { code: 'E_POLICY', message }, 'nothing can be refused at the network');
      })
      // libbpf has read the kernel's types, 10 MB of them, and is done with them.
      .finally(() => {
        trimMemory();
        setInterval(trimMemory, TRIM_MS).unref();
      });
  }

  /** What a change of policy or deny list waits for. */
  get preparing(): Promise<void> | undefined {
    return this.#enforcer.preparing;
  }

  /** Builds the new state fully, then swaps. Throws and changes nothing if anything is wrong. */
  reload(spec: EngineSpec): EngineReport {
    const next = buildState(spec);
    const [problem] = this.#enforcer.problems(next.rules.rules, modeOf(spec));
    if (problem !== undefined) {
      const { rule, message, help } = problem;
      throw new AppError('E_POLICY', `${rule}: ${message}`, {
        exitCode: EXIT.invalid,
        ...(help === undefined ? {} : { help }),
      });
    }
    const diff = compareRules(this.#state.rules, next.rules);
    const missing = next.plan.tracepoints.filter((name) => !this.#state.plan.tracepoints.includes(name));
    if (missing.length > 0) this.#sensor.addTracepoints(missing);
    this.#sensor.setCapture(next.plan.capture);
    this.#sensor.control.setSpare(next.plan.spare);
    this.#spec = spec;
    this.#mode = modeOf(spec);
    this.#enforce(next.rules);
    this.#enricher.want(next.plan.wants);
    this.#pipeline.swap(next.rules);
    this.#watchNames(next.rules);
    this.#canary.use(harmlessCall(next.plan.tracepoints));
    this.#protect();
    this.#state = { ...next, report: { ...next.report, diff } };
    return this.report;
  }

  /** Keeps the names resolved that conditions compare addresses with. */
  #watchNames(rules: RuleSet<Event>): void {
    const enabled = rules.rules.filter((rule) => rule.enabled);
    this.#enricher.names.watch(addressNames(enabled.map((rule) => rule.plan)));
  }

  /** A response that fails must not keep the other rules from their alerts. */
  #respond(event: Event, rule: CompiledRule<Event>): void {
    try {
      respond(this.#enforcer.deny, event, rule);
    } catch (error) {
      const { message } = error as Error;
      this.#tell.log('error', { code: 'E_DENY', rule: rule.name, message }, 'a response of a rule failed');
    }
  }

  /** Questions of the main thread. */
  answer(question: string, args: Readonly<Record<string, unknown>>): unknown {
    const deny = DENY_QUESTIONS[question];
    if (deny !== undefined) return deny(this.#enforcer.deny, args);
    const policy = POLICY_QUESTIONS[question];
    if (policy !== undefined) {
      const result = policy(this.#enforcer);
      this.#protect();
      return result;
    }
    const guard = GUARD_QUESTIONS[question];
    if (guard !== undefined) return guard(this.#guard, args);
    switch (question) {
      case 'ping':
        return true;
      case 'status':
        return {
          events: this.#pipeline.seen,
          waiting: this.#pipeline.waiting,
          processes: this.#enricher.table.size,
          sensor: this.#sensor.stats(),
          canary: this.#canary.state(),
          guard: this.#guard.status(),
          watchOnly: this.#enforcer.status().watchOnly,
        };
      default:
        throw new AppError('E_USAGE', `the engine knows no question "${question}"`, { exitCode: EXIT.usage });
    }
  }

  /** Detaches, takes what is in the rings, finishes what is under way. */
  async stop(): Promise<void> {
    await this.preparing;
    clearInterval(this.#canaryTimer);
    this.#guard.close();
    await Promise.all([this.#enforcer.detach(), this.#sensor.detach()]);
    clearInterval(this.#timer);
    while (this.#sensor.drain() > 0);
    this.#pipeline.finish();
    this.#enricher.containers.close();
    this.#publish();
    this.#enforcer.close();
    this.#sensor.close();
  }

  /** Puts the rules into the kernel. */
  #enforce(rules: RuleSet<Event>): void {
    this.#tell.policy(this.#enforcer.apply(rules.rules, this.#mode));
  }

  /** The engine guards itself where it refuses at all. */
  #protect(): void {
    const { config, configFile, ruleFiles } = this.#spec;
    const on =
      config.enforcement.self_protection && this.#mode === 'enforce' && !this.#enforcer.status().watchOnly;
    const before = this.#guard.status().state;
    this.#guard.set(on ? guardedPaths(config, configFile, ruleFiles) : undefined);
    const { state, files, objects } = this.#guard.status();
    if (state === before) return;
    const help = 'ringfence policy unlock';
    this.#tell.log('info', { state, files, objects, help }, 'self-protection');
    this.#tell.unlabelled(this.#guard.unguarded(), 'files of the engine here are not guarded');
  }

  /** What pinned programs refused while no engine was there. */
  #tellJournal(): void {
    const report = this.#enforcer.takeJournal((rec) => this.#pipeline.record(rec));
    this.#pipeline.flush();
    if (report !== undefined) this.#tell.journal(report);
  }

  #startCanary(everyMs: number): NodeJS.Timeout | undefined {
    if (everyMs <= 0) return undefined;
    this.#tell.metrics.set('canaryOk', [], 1);
    this.#tickCanary();
    return setInterval(() => this.#tickCanary(), Math.min(Math.max(everyMs, 100), TIMER_MAX_MS));
  }

  #tickCanary(): void {
    // What waits in the rings is no proof of blindness: a thread that was held up looks before it judges.
    this.#sensor.drain();
    this.#tell.canary(this.#canary.tick(), this.#canary.state());
  }

  #canarySeen(): void {
    this.#canary.saw();
    this.#tell.metrics.add('canaryActs', ['seen']);
  }

  /** The boot clock goes on while the machine sleeps, the clock that is cheap to read does not. */
  #measureSuspension(): void {
    const monotonic = process.hrtime.bigint();
    this.#suspended = Number(bootNow(monotonic) - monotonic);
  }

  #publish(): void {
    this.#measureSuspension();
    const count = this.#dropped();
    if (count > 0)
      this.#tell.lost({ stage: 'queue', reason: 'main_busy', ring: 'events', count, from: 0, to: 0 });
    this.#tell.losses();
    this.#pipeline.publish();
    const { generation } = this.#enforcer.status();
    this.#tell.counts(this.#sensor.stats(), this.#sensor.levels(), generation);
  }

  #reportUnavailable(): void {
    const { unavailable } = this.#sensor;
    if (unavailable.length > 0) {
      this.#tell.log('info', { calls: unavailable.join(' ') }, 'system calls that this kernel does not have');
    }
  }
}
