/** Runs rule tests: cases, coverage, mutations. */

import { generateFilter } from '../code/generate.ts';
import type { EventNames, FieldSpec } from '../field-spec.ts';
import type { FieldTable } from '../field-table.ts';
import type { Expr } from '../lang/ast.ts';
import { fromBytes } from '../lang/bytes.ts';
import { printExpr } from '../lang/print.ts';
import { type LoadResult, loadRules, type RuleFile } from '../load/load.ts';
import type { CompiledRule } from '../rule-set.ts';
import type { Case, RuleCases } from './cases.ts';
import { buildGiven, type GivenEvent, givenFields } from './given.ts';

export interface CaseResult {
  readonly rule: string;
  readonly note: string;
  readonly file: string;
  readonly line: number;
  readonly ok: boolean;
  /** Why not. */
  readonly message?: string;
}

/** An operand of an `and` whose removal changes no case: nothing shows that it is needed. */
export interface Survivor {
  readonly rule: string;
  readonly dropped: string;
}

export interface Coverage {
  readonly rules: number;
  /** Rules without any case, without one that raises them, without one that does not. */
  readonly untested: readonly string[];
  readonly withoutAlert: readonly string[];
  readonly withoutNearMiss: readonly string[];
}

/** Rules and the language, over events written as fields. */
export class RuleTester<E> {
  /** What the rule files say; without `rules` they have errors. */
  readonly loaded: LoadResult<GivenEvent>;
  private readonly fields: FieldTable<GivenEvent>;
  private readonly events: EventNames;
  private readonly byName: ReadonlyMap<string, CompiledRule<GivenEvent>>;

  constructor(files: readonly RuleFile[], specs: readonly FieldSpec<E>[], events: EventNames) {
    this.fields = givenFields(specs);
    this.events = events;
    this.loaded = loadRules(files, { fields: this.fields, events });
    this.byName = new Map((this.loaded.rules?.all ?? []).map((rule) => [rule.name, rule]));
  }

  run(tests: readonly RuleCases[]): CaseResult[] {
    return tests.flatMap((test) => test.cases.map((one) => this.runCase(test, one)));
  }

  coverage(tests: readonly RuleCases[]): Coverage {
    const has = (name: string, expect: Case['expect']): boolean =>
      tests.some((test) => test.rule === name && test.cases.some((one) => one.expect === expect));
    const names = [...this.byName.keys()];
    return {
      rules: names.length,
      untested: names.filter((name) => !has(name, 'alert') && !has(name, 'none')),
      withoutAlert: names.filter((name) => !has(name, 'alert') && has(name, 'none')),
      withoutNearMiss: names.filter((name) => has(name, 'alert') && !has(name, 'none')),
    };
  }

  /** Drops each operand of each `and` in the rules' own conditions once, and expects some case to turn out otherwise. */
  mutate(tests: readonly RuleCases[]): { readonly tried: number; readonly survivors: readonly Survivor[] } {
    let tried = 0;
    const survivors: Survivor[] = [];
    for (const name of new Set(tests.map((test) => test.rule))) {
      const rule = this.byName.get(name);
      if (rule === undefined) continue;
      const cases = tests.filter((test) => test.rule === name).flatMap((test) => test.cases);
      for (const mutant of withoutOneOperand(rule.expr)) {
        tried++;
        if (!this.notices(mutant.expr, cases))
          survivors.push({ rule: name, dropped: fromBytes(printExpr(mutant.dropped)) });
      }
    }
    return { tried, survivors };
  }

  private notices(expr: Expr, cases: readonly Case[]): boolean {
    const { plan } = this.loaded.model.checker.check(expr);
    if (plan === undefined) return true;
    const filter = generateFilter(plan);
    return cases.some((one) => {
      const fired = one.given.some((given) => {
        const event = buildGiven(given, this.fields);
        return event instanceof Map && filter(event);
      });
      return fired !== (one.expect === 'alert');
    });
  }

  private runCase(test: RuleCases, one: Case): CaseResult {
    const result = { rule: test.rule, note: one.note, file: test.file, line: one.line };
    const fail = (message: string): CaseResult => ({ ...result, ok: false, message });
    if (!this.byName.has(test.rule)) return fail(`there is no rule "${test.rule}"`);
    let fired = false;
    const out: CompiledRule<GivenEvent>[] = [];
    for (const given of one.given) {
      const event = buildGiven(given, this.fields);
      if (!(event instanceof Map)) return fail((event as readonly string[]).join('; '));
      const code = this.events.code(String(given['evt.type'] ?? ''));
      if (code === undefined) return fail(`evt.type: there is no event "${given['evt.type']}"`);
      const count = this.loaded.rules?.evaluate(event, code, out) ?? 0;
      fired ||= out.slice(0, count).some((rule) => rule.name === test.rule);
    }
    if (fired === (one.expect === 'alert')) return { ...result, ok: true };
    return fail(fired ? 'the rule fired, and should not' : 'the rule did not fire');
  }
}

interface Mutant {
  readonly expr: Expr;
  readonly dropped: Expr;
}

/** The condition with one operand of one `and` left out, for each. Macros are left whole. */
function withoutOneOperand(expr: Expr): Mutant[] {
  if (expr.kind === 'not') {
    return withoutOneOperand(expr.child).map((m) => ({ ...m, expr: { ...expr, child: m.expr } }));
  }
  if (expr.kind !== 'and' && expr.kind !== 'or') return [];
  const { children } = expr;
  const inner = children.flatMap((child, i) =>
    withoutOneOperand(child).map((m) => ({ ...m, expr: { ...expr, children: children.with(i, m.expr) } })),
  );
  if (expr.kind === 'or') return inner;
  const own = children.map((dropped, i) => {
    const rest = children.filter((_, j) => j !== i);
    return { dropped, expr: rest.length === 1 ? rest[0]! : { ...expr, children: rest } };
  });
  return [...own, ...inner];
}
