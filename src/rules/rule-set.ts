/** A loaded set of rules, ready to be evaluated. */
import type { Priority } from '../engine/core/priority.ts';
import type { Interner, Plan } from './check/plan.ts';
import { Folder } from './code/fold.ts';
import { type GenerateOptions, generateProgram, type Program } from './code/generate.ts';
import type { EventNames } from './field-spec.ts';
import type { Expr } from './lang/ast.ts';
import type { Enforce, FailMode, Mode, Response, Scope } from './load/items.ts';
import type { OutputFormat, Rendered } from './output/format.ts';

/** One rule, resolved, checked and compiled. */
export interface CompiledRule<E> {
  /** Position in the evaluation order, over all loaded rules. */
  readonly index: number;
  readonly name: string;
  readonly source: string;
  readonly desc: string;
  readonly priority: Priority;
  /** Sorted. */
  readonly tags: readonly string[];
  readonly enabled: boolean;
  /** As written, appends included, exceptions not. */
  readonly condition: string;
  /** Syntax tree with lists, macros and exceptions put in. */
  readonly expr: Expr;
  /** The checked condition: what the kernel's clause compiler reads. */
  readonly plan: Plan<E>;
  /** Codes of the events that can satisfy it; undefined = all. */
  readonly eventCodes: ReadonlySet<number> | undefined;
  /** The condition needs metadata that may arrive late. */
  readonly late: boolean;
  readonly output: OutputFormat<E>;
  /** The message and fields of an alert for an event. */
  readonly render: (event: E) => Rendered;
  readonly enforce: Enforce;
  readonly respond: readonly Response[];
  readonly mode: Mode | undefined;
  readonly fail: FailMode | undefined;
  readonly scope: Scope | undefined;
  readonly capture: boolean;
  readonly captureDuration: number;
  readonly location: { readonly file: string; readonly line: number };
}

/** `all`: every rule that matches fires. `first`: only the first in order does. */
export type Matching = 'all' | 'first';

export interface RuleSetOptions<E> {
  readonly rules: readonly CompiledRule<E>[];
  readonly plans: Interner<E>;
  readonly events: EventNames;
  readonly matching?: Matching;
  readonly codegen?: GenerateOptions;
}

/** Rules indexed by event type. Programs are generated when an event of their type is first seen, or by `prepare`. */
export class RuleSet<E> {
  /** All rules that compiled, disabled ones too, in evaluation order. */
  readonly all: readonly CompiledRule<E>[];
  /** The rules that are evaluated. */
  readonly rules: readonly CompiledRule<E>[];
  private readonly plans: Interner<E>;
  private readonly events: EventNames;
  private readonly codegen: GenerateOptions;
  private readonly needed: ReadonlySet<number> | 'all';
  private readonly programs: (Program<E, CompiledRule<E>> | undefined)[];

  constructor(options: RuleSetOptions<E>) {
    this.all = options.rules;
    this.rules = options.rules.filter((rule) => rule.enabled);
    this.plans = options.plans;
    this.events = options.events;
    this.codegen = { first: options.matching === 'first', ...options.codegen };
    this.needed = neededBy(this.rules);
    this.programs = new Array(options.events.names.length).fill(undefined);
  }

  /**
   * Evaluates all rules for an event of the given type. Those that match are put into `out` from index 0, in
   * evaluation order; the result is their number. `out` is not cleared.
   */
  evaluate(event: E, eventCode: number, out: CompiledRule<E>[]): number {
    const program = this.programs[eventCode] ?? this.generate(eventCode);
    return program(event, out);
  }

  /** Whether any rule can match events of this type. */
  wants(eventCode: number): boolean {
    const needed = this.neededEvents();
    return needed === 'all' || needed.has(eventCode);
  }

  /** Codes of the events that rules name; `all` if a rule is not restricted to certain events. */
  neededEvents(): ReadonlySet<number> | 'all' {
    return this.needed;
  }

  /** Generates the programs of event types now, so that their first event does not pay for it. */
  prepare(eventCodes: Iterable<number>): void {
    for (const code of eventCodes) if (this.programs[code] === undefined) this.generate(code);
  }

  private generate(eventCode: number): Program<E, CompiledRule<E>> {
    const name = this.events.names[eventCode];
    if (name === undefined) return () => 0;
    const folder = new Folder(this.plans, name);
    const items = this.rules
      .filter((rule) => rule.eventCodes?.has(eventCode) ?? true)
      .map((rule) => ({ plan: folder.fold(rule.plan), result: rule }))
      .filter((item) => item.plan.kind !== 'constant' || item.plan.value);
    const program = items.length === 0 ? () => 0 : generateProgram(items, this.codegen);
    this.programs[eventCode] = program;
    return program;
  }
}

function neededBy<E>(rules: readonly CompiledRule<E>[]): ReadonlySet<number> | 'all' {
  const codes = new Set<number>();
  for (const rule of rules) {
    if (rule.eventCodes === undefined) return 'all';
    for (const code of rule.eventCodes) codes.add(code);
  }
  return codes;
}
