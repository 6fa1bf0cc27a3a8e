import type { Tier } from '../engine/core/alert.ts';
import { bootNow } from '../engine/enrich/clock.ts';
import type { CompiledRule } from '../rules/index.ts';
import type { BpfLink, BpfObject } from '../sensors/bpf.ts';
import type { Control } from '../sensors/control.ts';
import { codesByNumber, EVENT_NAMES, EVENTS } from '../sensors/events.ts';
import { RF_FLAG, RF_OP } from '../sensors/layout.gen.ts';
import { syscallNumber } from '../sensors/syscalls.ts';
import { compilePolicy, type PolicyError, type RulePlan } from './compile.ts';
import { DenyKernel } from './deny-kernel.ts';
import { DenyList, type DenyView } from './deny-list.ts';
import { DenyStore } from './deny-store.ts';
import { policyRules } from './from-rules.ts';
import { KernelPolicy } from './kernel-policy.ts';
import { identify, type Label, LabelMap, policyLabels } from './labels.ts';
import { attachWall, cgroupId } from './network-wall.ts';
import type { Policy } from './tables.ts';
import type { TierPlan } from './tiers.ts';

/** Programs of the object that the classifier needs beside the sensors: to be loaded with them. */
export const CLASSIFIER_PROGRAMS: readonly string[] = ['rf_judge_fork', 'rf_judge_seed'];

/** The bit of a record's `clause` that says: the rest is the id of a deny entry. */
const ENTRY_BIT = 0x8000_0000;

/** How long a new or replaced file may be known by its name only. */
const REFRESH_MS = 1000;

const DECIDED = RF_FLAG.DENIED | RF_FLAG.KILLED | RF_FLAG.WOULD_DENY;

export interface EnforcerOptions {
  readonly object: BpfObject;
  readonly control: Control;
  readonly tiers: TierPlan;
  readonly stateDir: string;
  readonly mode: 'monitor' | 'enforce';
}

export interface ApplyReport {
  readonly generation: number;
  readonly plans: readonly RulePlan[];
  /** Denying rules that the kernel cannot decide. Nothing was applied if there are any. */
  readonly errors: readonly PolicyError[];
  readonly milliseconds: number;
}

/** Who decided: a rule, by name, or an entry of the deny list. */
export type Decider =
  | { readonly kind: 'rule'; readonly name: string }
  | { readonly kind: 'entry'; readonly id: number; readonly entry: DenyView | undefined };

/** What a record tells of a decision. */
export interface DecidedRecord {
  readonly clause: number;
  readonly policy: number;
  readonly nr: number;
}

/** Keeps the kernel's policy and deny list in step with rules and requests. One for each loaded object. */
export class Enforcer {
  readonly deny: DenyList;
  readonly #object: BpfObject;
  readonly #control: Control;
  readonly #tiers: TierPlan;
  readonly #kernel: KernelPolicy;
  readonly #labels: LabelMap;
  #timer: NodeJS.Timeout | undefined;
  readonly #links: BpfLink[] = [];
  readonly #codes = codesByNumber();
  #policy: Policy | undefined;
  #generation = 0;

  constructor(options: EnforcerOptions) {
    this.#object = options.object;
    this.#control = options.control;
    this.#tiers = options.tiers;
    this.#kernel = new KernelPolicy(options.object);
    this.#labels = new LabelMap(options.object);
    this.deny = new DenyList({
      sink: new DenyKernel(options.object, { bootNs: bootNow, nowMs: Date.now }, cgroupId),
      store: new DenyStore(options.stateDir),
      now: Date.now,
      monitor: options.mode === 'monitor',
    });
  }

  /** Attaches what refuses, and what keeps the classifier's view of processes right. Before the sensors start. */
  attach(): void {
    this.#links.push(this.#object.attach('rf_judge_fork'));
    for (const hook of this.#tiers.hooks) this.#links.push(this.#object.attach(hook));
    if (this.#tiers.cgroup !== undefined) {
      this.#links.push(...attachWall(this.#object, this.#tiers.cgroup, this.#tiers.wall));
    }
  }

  /** Tells the classifier of the processes that are older than the sensors. After they started. */
  seed(): void {
    this.#object.iterate('rf_judge_seed');
    this.#timer = setInterval(() => this.refresh(), REFRESH_MS).unref();
  }

  /** Follows files that were made, replaced or removed since, and entries that have expired. */
  refresh(): void {
    this.deny.expire();
    const policy = this.#policy;
    if (policy?.classes.some((c) => c.named.length > 0))
      this.#labels.prune(this.#label(policy), policy.generation);
  }

  #label(policy: Policy): Label[] {
    const labels = policyLabels(policy, identify);
    this.#labels.put(labels, policy.generation);
    return labels;
  }

  /**
   * Compiles the rules and puts them in force at once. With errors, the policy before stays in force; before the
   * first success everything goes to user space.
   */
  apply<E>(rules: readonly CompiledRule<E>[], mode: 'monitor' | 'enforce'): ApplyReport {
    const start = performance.now();
    const generation = this.#generation + 1;
    const { policy, plans, errors } = compilePolicy(policyRules(rules, EVENT_NAMES.names, mode), generation);
    if (errors.length === 0) {
      const labels = this.#label(policy);
      this.#kernel.install(policy, { numbers: callNumbers, keep: [] });
      this.#labels.prune(labels, generation);
      this.#generation = generation;
      this.#policy = policy;
      this.#control.setPolicy(generation);
      this.deny.setMonitor(mode === 'monitor');
    }
    return { generation: this.#generation, plans, errors, milliseconds: performance.now() - start };
  }

  /** Who decided what a record tells of; undefined where the policy that did is gone. */
  decider(rec: DecidedRecord): Decider | undefined {
    if (rec.clause >= ENTRY_BIT) {
      const id = rec.clause - ENTRY_BIT;
      return { kind: 'entry', id, entry: this.deny.entry(id) };
    }
    const def = EVENTS[this.#codes[rec.nr] ?? -1];
    if (def === undefined || this.#policy?.generation !== rec.policy) return undefined;
    const op = RF_OP[def.op];
    const name = this.#policy.classes.find((c) => c.op === op)?.clauses[rec.clause - 1]?.rules[0];
    return name === undefined ? undefined : { kind: 'rule', name };
  }

  /** The mechanism that saw what a record tells of, or that refused it. */
  tierOf(rec: { readonly flags: number; readonly nr: number }): Tier {
    if ((rec.flags & DECIDED) === 0) return 'observe';
    const op = EVENTS[this.#codes[rec.nr] ?? -1]?.op;
    if (op === 'OPEN') return this.#tiers.files;
    return op === 'EXEC' ? this.#tiers.exec : this.#tiers.network;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const link of this.#links.splice(0)) link.destroy();
  }
}

function callNumbers(event: string): readonly number[] {
  const nr = syscallNumber(event);
  return nr === undefined ? [] : [nr];
}
