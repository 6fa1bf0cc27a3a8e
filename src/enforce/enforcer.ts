import type { Tier } from '../engine/core/alert.ts';
import { bootId } from '../engine/core/clock.ts';
import { bootNow } from '../engine/enrich/clock.ts';
import type { CompiledRule } from '../rules/index.ts';
import { type BpfLink, type BpfObject, VERIFIERS } from '../sensors/bpf/bpf.ts';
import type { Control } from '../sensors/control.ts';
import { EVENT_NAMES } from '../sensors/events/events.ts';
import { syscallNumber } from '../sensors/events/syscalls.ts';
import type { AnyRec } from '../sensors/record/record.gen.ts';
import { Attribution } from './attribution.ts';
import type { PolicyRule } from './clauses/condition.ts';
import { policyRules } from './clauses/from-rules.ts';
import { DenyKernel } from './deny/deny-kernel.ts';
import { DenyList } from './deny/deny-list.ts';
import { entryRules } from './deny/deny-objects.ts';
import { DenyStore } from './deny/deny-store.ts';
import { Journal, type JournalReport, leaveJournal } from './kernel/journal.ts';
import { KernelPolicy } from './kernel/kernel-policy.ts';
import { cgroupId } from './kernel/network-wall.ts';
import { pinLinks, unpinAll } from './kernel/pins.ts';
import { findUndone, putBack, undoneText } from './kernel/repair.ts';
import { NETWORK, refusedBy, type TierPlan } from './kernel/tiers.ts';
import { WallObject } from './kernel/wall-object.ts';
import { Budget, protector } from './rails.ts';
import { ClauseNameStore, clauseNames } from './tables/clause-names.ts';
import { type CompileResult, compilePolicy, type PolicyError, type RulePlan } from './tables/compile.ts';
import { identifier, unidentifiable } from './tables/identify.ts';
import { type Label, LabelMap, namedPaths, policyLabels } from './tables/labels.ts';
import type { Policy } from './tables/tables.ts';

/** How long a new or replaced file may be known by its name only. */
const REFRESH_MS = 1000;

export interface EnforcerOptions {
  readonly object: BpfObject;
  readonly control: Control;
  readonly tiers: TierPlan;
  readonly stateDir: string;
  readonly mode: 'monitor' | 'enforce';
  /** Keep refusing when the engine is gone. */
  readonly pin: boolean;
  /** Executables that are refused nothing. */
  readonly protectedExecutables: readonly string[];
  /** Refusals of one rule in a minute before it only watches; 0 = any number. */
  readonly maxDenialsPerMinute: number;
  /** Somebody undid a part of the enforcement; it has been put back, unless `failed` says why not. */
  readonly onTamper: (what: readonly string[], failed?: string) => void;
  /** A rule went over its budget. */
  readonly onTrip: (rule: string) => void;
  /** Something that is in force could not be stored for the engine after this one. */
  readonly onUnstored: (what: string, error: unknown) => void;
}

export interface ApplyReport {
  readonly generation: number;
  readonly plans: readonly RulePlan[];
  /** Denying rules that the kernel cannot decide, or has no room for. If there are any, the policy before stays. */
  readonly errors: readonly PolicyError[];
  readonly milliseconds: number;
  /** Rules that shall refuse and can only observe on the tiers of this machine. */
  readonly observedOnly: readonly string[];
  /** Paths of denying rules that hold by name only, since the file system does not tell its objects apart. */
  readonly byNameOnly: readonly string[];
}

export interface PolicyStatus {
  readonly generation: number;
  readonly watchOnly: boolean;
  readonly overBudget: readonly string[];
  readonly tiers: Readonly<Record<'files' | 'exec' | 'network', Tier>>;
  readonly pinned: boolean;
  readonly denyEntries: number;
  /** By operation. */
  readonly clauses: Readonly<Record<string, number>>;
}

/** Keeps the kernel's policy and deny list in step with rules and requests. One for each loaded object. */
export class Enforcer {
  readonly deny: DenyList;
  /** Who refused what a record tells of, and how. */
  readonly attribution: Attribution;
  readonly #object: BpfObject;
  readonly #control: Control;
  readonly #tiers: TierPlan;
  readonly #kernel: KernelPolicy;
  readonly #labels: LabelMap;
  readonly #wall: WallObject;
  #timer: NodeJS.Timeout | undefined;
  readonly #links = new Map<string, BpfLink>();
  readonly #options: EnforcerOptions;
  readonly #protect: (rule: PolicyRule) => PolicyRule;
  readonly #budget: Budget;
  readonly #names: ClauseNameStore;
  #policy: Policy | undefined;
  #attached = false;
  #networkEntries = false;
  /** A rule makes entries. */
  #mayDeny = false;
  #journal: Journal | undefined;
  #generation: number;
  #watching = false;
  #pinned: boolean;
  #again: () => ApplyReport = () => ({
    generation: 0,
    plans: [],
    errors: [],
    milliseconds: 0,
    observedOnly: [],
    byNameOnly: [],
  });

  constructor(options: EnforcerOptions) {
    this.#options = options;
    this.#pinned = options.pin;
    this.#protect = protector(options.protectedExecutables);
    this.#budget = new Budget(options.maxDenialsPerMinute, Date.now);
    this.#object = options.object;
    this.#control = options.control;
    this.#tiers = options.tiers;
    this.#kernel = new KernelPolicy(options.object);
    this.#wall = new WallObject(options.object, options.tiers.cgroup === undefined ? [] : options.tiers.wall);
    this.#names = new ClauseNameStore(options.stateDir, bootId());
    const before = options.pin ? this.#names.load() : undefined;
    // Generations go on where the engine before left off: its refusals may still have to be told.
    this.#generation = before?.generation ?? 0;
    this.attribution = new Attribution({
      tiers: options.tiers,
      before,
      entry: (id) => this.deny.entry(id),
      refused: (rule) => this.#spend(rule),
    });
    this.#labels = new LabelMap(options.object);
    const kernel = new DenyKernel(options.object, { bootNs: bootNow, nowMs: Date.now }, cgroupId, (any) => {
      this.#networkEntries = any;
      this.#fitWall();
    });
    this.deny = new DenyList({
      sink: kernel,
      store: new DenyStore(options.stateDir),
      now: Date.now,
      monitor: options.mode === 'monitor',
      onObjects: () => this.#again().errors[0]?.message,
      onUnstored: (error) => options.onUnstored('deny entries', error),
      hasCgroup: (path) => cgroupId(path) !== undefined,
      refusesObjects: (kind) =>
        refusedBy(options.tiers, kind === 'exe' ? 'exec' : 'open', 'deny') !== undefined,
    });
  }

  /** Attaches what refuses, and what keeps the classifier's view of processes right. Before the sensors start. */
  attach(): void {
    const own = [
      'rf_judge_fork',
      ...(this.#options.pin ? ['rf_judge_exec_alone'] : []),
      ...this.#tiers.hooks,
    ];
    for (const program of own) this.#links.set(program, this.#object.attach(program));
    this.#attached = true;
    if (this.#mayDeny) this.#wall.load();
    this.#fitWall();
  }

  /** Loads what `attach` will need of the wall beside this thread, if it will. */
  async loadWall(): Promise<void> {
    if (this.#mayDeny || this.#needsWall) await this.#wall.prepare(VERIFIERS);
  }

  get #needsWall(): boolean {
    return this.#options.pin || this.#networkEntries || refusesNetwork(this.#policy);
  }

  /** The wall costs every connect of the machine: it stands while there is an entry or a rule for it, or is pinned. */
  #fitWall(): void {
    const { cgroup, wall } = this.#tiers;
    if (!this.#attached || cgroup === undefined || this.#wall.loading) return;
    const wanted = this.#needsWall;
    if (wanted === wall.some((program) => this.#links.has(program))) return;
    if (wanted) {
      for (const [program, link] of this.#wall.attach(cgroup, wall)) this.#links.set(program, link);
      return;
    }
    for (const program of wall) {
      this.#links.get(program)?.destroy();
      this.#links.delete(program);
    }
  }

  /**
   * Gets the wall ready that nothing needs yet, beside this thread: the first entry shall not have to wait for the
   * verifier. What is asked for meanwhile holds when this resolves.
   */
  async prepareWall(): Promise<void> {
    await this.#wall.prepare();
    this.#fitWall();
  }

  /** What `prepareWall` is at; before a change of policy or deny list is acknowledged. */
  get preparing(): Promise<void> | undefined {
    return this.#wall.loading;
  }

  /**
   * Tells the classifier of the processes that are older than the sensors, then takes the place of what an engine
   * before left pinned. After the sensors started.
   */
  seed(): void {
    this.#object.iterate('rf_judge_seed');
    if (this.#pinned) {
      this.#journal = Journal.adopt();
      pinLinks(this.#links);
    }
    this.#timer = setInterval(() => {
      this.refresh();
      this.#repair();
    }, REFRESH_MS).unref();
  }

  /** Hands over what was refused while there was no engine; then the next one is left the same. After `seed`. */
  takeJournal(take: (rec: AnyRec) => void): JournalReport | undefined {
    const report = this.#journal?.read(take);
    if (report !== undefined) leaveJournal(this.#object);
    this.#journal = undefined;
    return report;
  }

  /** Follows files and cgroups that were made, replaced or removed since, and entries that have expired. */
  refresh(): void {
    this.deny.refresh();
    const policy = this.#policy;
    if (policy?.classes.some((c) => c.named.length > 0))
      this.#labels.prune(this.#label(policy), policy.generation);
  }

  /** Takes out what is pinned; what runs keeps refusing. Returns the names. */
  unload(): string[] {
    this.#pinned = false;
    return unpinAll();
  }

  /** Puts back what somebody detached or unpinned. */
  #repair(): void {
    const undone = findUndone(this.#links, this.#tiers, this.#pinned);
    if (undone === undefined) return;
    const what = undoneText(undone);
    try {
      putBack(this.#wall, this.#links, this.#tiers, undone, this.#pinned);
      if (undone.unpinned) leaveJournal(this.#object);
      this.#options.onTamper(what);
    } catch (error) {
      // Without a file system for pins there is nothing to try again each second.
      if (undone.unpinned) this.#pinned = false;
      this.#options.onTamper(what, (error as Error).message);
    }
  }

  #label(policy: Policy): Label[] {
    const labels = policyLabels(policy, identifier());
    this.#labels.put(labels, policy.generation);
    return labels;
  }

  #storeNames(policy: Policy): void {
    try {
      this.#names.save(clauseNames(policy));
    } catch (error) {
      this.#options.onUnstored('names of pinned rules', error);
    }
  }

  /** What would keep the rules, together with the deny entries on files and programs, from being in force. */
  problems<E>(rules: readonly CompiledRule<E>[], mode: 'monitor' | 'enforce'): readonly PolicyError[] {
    const entries = entryRules(this.deny.objects(), mode);
    return entries.length === 0 ? [] : this.#compile(rules, mode, entries).errors;
  }

  #compile<E>(
    rules: readonly CompiledRule<E>[],
    mode: 'monitor' | 'enforce',
    entries: readonly PolicyRule[],
  ): CompileResult {
    const wanted = [...entries, ...policyRules(rules, EVENT_NAMES.names, mode)].map((rule) => {
      const watched = this.#watching || this.#budget.tripped.has(rule.name);
      return this.#protect(watched ? { ...rule, mode: 'monitor' } : rule);
    });
    return compilePolicy(wanted, this.#generation + 1);
  }

  /**
   * Compiles the rules and puts them in force at once. With errors, the policy before stays in force; at the start,
   * when there is none, the rules without the deny entries on files and programs.
   */
  apply<E>(rules: readonly CompiledRule<E>[], mode: 'monitor' | 'enforce'): ApplyReport {
    const start = performance.now();
    const whole = this.#compile(rules, mode, entryRules(this.deny.objects(), mode));
    const { errors } = whole;
    const fitting = errors.length > 0 && this.#policy === undefined ? this.#compile(rules, mode, []) : whole;
    const { policy, plans } = fitting;
    const { generation } = policy;
    if (fitting.errors.length === 0) {
      const labels = this.#label(policy);
      this.#kernel.install(policy, callNumbers);
      this.#labels.prune(labels, generation);
      this.#generation = generation;
      this.#policy = policy;
      this.attribution.inForce(policy);
      this.#mayDeny = rules.some((rule) => rule.respond.some(({ action }) => action === 'deny_ip'));
      this.#fitWall();
      if (this.#options.pin) this.#storeNames(policy);
      this.#control.setPolicy(generation);
      this.deny.setMonitor(this.#watching || mode === 'monitor');
      this.#again = () => this.apply(rules, mode);
    }
    return {
      generation: this.#generation,
      plans,
      errors,
      milliseconds: performance.now() - start,
      observedOnly: observedOnly(policy, this.#tiers),
      byNameOnly: unidentifiable(namedPaths(policy)),
    };
  }

  /** The break-glass switch: nothing is refused until it is taken back. */
  watchOnly(on: boolean): PolicyStatus {
    this.#watching = on;
    if (!on) this.#budget.reset();
    this.#again();
    return this.status();
  }

  status(): PolicyStatus {
    return {
      generation: this.#generation,
      watchOnly: this.#watching,
      overBudget: [...this.#budget.tripped],
      tiers: { files: this.#tiers.files, exec: this.#tiers.exec, network: this.#tiers.network },
      pinned: this.#pinned,
      denyEntries: this.deny.size,
      clauses: Object.fromEntries(this.#policy?.classes.map((c) => [c.operation, c.clauses.length]) ?? []),
    };
  }

  /** Counts a refusal; a rule above its budget falls to monitor at once. */
  #spend(rule: string): void {
    if (!this.#budget.spend(rule)) return;
    this.#again();
    this.#options.onTrip(rule);
  }

  /** Lets go of all that refuses, at once; then only `close` is left to be called. */
  async detach(): Promise<void> {
    clearInterval(this.#timer);
    this.#attached = false;
    const links = [...this.#links.values()];
    this.#links.clear();
    await Promise.all(links.map((link) => link.destroyLater()));
  }

  close(): void {
    clearInterval(this.#timer);
    this.deny.flush();
    for (const link of this.#links.values()) link.destroy();
    this.#links.clear();
  }
}

function refusesNetwork(policy: Policy | undefined): boolean {
  return (policy?.classes ?? []).some(
    ({ operation, clauses }) => NETWORK.has(operation) && clauses.some(({ action }) => action !== 'emit'),
  );
}

function callNumbers(event: string): readonly number[] {
  const nr = syscallNumber(event);
  return nr === undefined ? [] : [nr];
}

function observedOnly(policy: Policy, tiers: TierPlan): string[] {
  const rules = policy.classes.flatMap(({ operation, clauses }) =>
    clauses.flatMap(({ action, rules: owners }) =>
      action === 'emit' || refusedBy(tiers, operation, action) !== undefined ? [] : owners,
    ),
  );
  return [...new Set(rules)];
}
