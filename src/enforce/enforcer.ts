import type { CompiledRule } from '../rules/index.ts';
import type { BpfLink, BpfObject } from '../sensors/bpf.ts';
import type { Control } from '../sensors/control.ts';
import { EVENT_NAMES } from '../sensors/events.ts';
import { syscallNumber } from '../sensors/syscalls.ts';
import { compilePolicy, type PolicyError, type RulePlan } from './compile.ts';
import { policyRules } from './from-rules.ts';
import { KernelPolicy } from './kernel-policy.ts';
import type { ClauseOwner, Policy } from './tables.ts';

/** Programs of the object that the classifier needs beside the sensors: to be loaded with them. */
export const CLASSIFIER_PROGRAMS: readonly string[] = ['rf_judge_fork', 'rf_judge_seed'];

export interface ApplyReport {
  readonly generation: number;
  readonly plans: readonly RulePlan[];
  /** Denying rules that the kernel cannot decide. Nothing was applied if there are any. */
  readonly errors: readonly PolicyError[];
  readonly milliseconds: number;
}

/** Keeps the kernel's policy in step with the rules. One for each loaded object. */
export class Enforcer {
  readonly #object: BpfObject;
  readonly #control: Control;
  readonly #kernel: KernelPolicy;
  readonly #links: BpfLink[] = [];
  #policy: Policy | undefined;
  #generation = 0;

  constructor(object: BpfObject, control: Control) {
    this.#object = object;
    this.#control = control;
    this.#kernel = new KernelPolicy(object);
  }

  /** Attaches what keeps the classifier's view of processes right. Before the sensors start. */
  attach(): void {
    this.#links.push(this.#object.attach('rf_judge_fork'));
  }

  /** Tells the classifier of the processes that are older than the sensors. After they started. */
  seed(): void {
    this.#object.iterate('rf_judge_seed');
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
      this.#kernel.install(policy, { numbers: callNumbers, keep: [] });
      this.#generation = generation;
      this.#policy = policy;
      this.#control.setPolicy(generation);
    }
    return { generation: this.#generation, plans, errors, milliseconds: performance.now() - start };
  }

  /** What a record's `clause` stands for, if its generation is the one in force. */
  owner(generation: number, operation: number, clause: number): ClauseOwner | undefined {
    if (this.#policy === undefined || generation !== this.#policy.generation) return undefined;
    return this.#policy.classes.find((c) => c.op === operation)?.clauses[clause];
  }

  close(): void {
    for (const link of this.#links.splice(0)) link.destroy();
  }
}

function callNumbers(event: string): readonly number[] {
  const nr = syscallNumber(event);
  return nr === undefined ? [] : [nr];
}
