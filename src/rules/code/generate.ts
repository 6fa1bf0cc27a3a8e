/**
 * Checked conditions → one JavaScript function per event type.
 *
 * The source text is made of fixed templates and indices only: every constant, getter and matcher reaches it as data
 * (arrays K, F, T and M). Values and shared sub-conditions live in variables beside the functions, each with the number
 * of the event it was computed for, so that each is computed at most once per event, and only if it is needed.
 */

import type { ComparePlan, FieldsPlan, Operand, Plan } from '../check/plan.ts';
import type { FieldSpec, Scalar, Value } from '../field-spec.ts';
import { compileLookup, planDispatch } from './dispatch.ts';
import type { Matcher } from './matcher.ts';
import { compileMatcher, INLINE_LIMIT } from './matcher.ts';
import { compileTransform, type Getter, type Transform } from './operand.ts';
import { compareFields, everyCandidate, everyElement, LONG_TEXT, someValue } from './runtime.ts';

/** Rules in one generated function: larger ones are not optimised by V8. */
const RULES_PER_FUNCTION = 50;
/** Nesting of one generated expression; deeper parts become functions of their own. */
const MAX_NESTING = 24;

export interface GenerateItem<E, R> {
  readonly plan: Plan<E>;
  readonly result: R;
}

/** Puts the results of all conditions that hold into `out` from index 0, in order; returns their number. */
export type Program<E, R> = (event: E, out: R[]) => number;

export interface GenerateOptions {
  /** Stop at the first condition that holds. */
  readonly first?: boolean;
  /** From how many conditions on values are looked up instead of compared one by one. */
  readonly dispatchFrom?: number;
}

/** Generates the program for conditions. */
export function generateProgram<E, R>(
  items: readonly GenerateItem<E, R>[],
  options: GenerateOptions = {},
): Program<E, R> {
  const { first = false, dispatchFrom } = options;
  const plans = items.map((item) => item.plan);
  const { linear, groups } = planDispatch(plans, dispatchFrom);
  const code = new Generator<E>(plans).compile(
    linear,
    groups.map((group) => group.operand),
    first,
  );
  const lookups = groups.map(compileLookup);
  const results = items.map((item) => item.result);
  const hits: number[] = [];
  if (lookups.length === 0) {
    return (event, out) => {
      const count = code.linear(event, hits);
      for (let i = 0; i < count; i++) out[i] = results[hits[i]!]!;
      return count;
    };
  }
  // One closure for all events, so that an event allocates nothing.
  let current: E;
  let count = 0;
  const visit = (index: number): void => {
    if (code.tests[index]!(current)) hits[count++] = index;
  };
  return (event, out) => {
    current = event;
    count = code.linear(event, hits);
    for (let i = 0; i < lookups.length; i++) lookups[i]!(code.values[i]!(event), visit);
    if (count === 0) return 0;
    const sorted = count > 1 ? hits.slice(0, count).sort((a, b) => a - b) : hits;
    const wanted = first ? 1 : count;
    for (let i = 0; i < wanted; i++) out[i] = results[sorted[i]!]!;
    return wanted;
  };
}

/** Generates a filter for one condition. */
export function generateFilter<E>(plan: Plan<E>): (event: E) => boolean {
  const { linear } = new Generator<E>([plan]).compile([0], [], true);
  const hits: number[] = [];
  return (event) => linear(event, hits) > 0;
}

type Data = Scalar | ReadonlySet<Scalar>;
type Fields = (index: number, left: Value | undefined, right: Value | undefined) => boolean;

/** What the generated source returns. */
interface Code<E> {
  /** Begins an event, and puts the indices of the conditions that hold, of those evaluated one by one, into `hits`. */
  readonly linear: (event: E, hits: number[]) => number;
  /** The values that lookups need. */
  readonly values: readonly Getter<E>[];
  /** The other conditions, by index. */
  readonly tests: readonly ((event: E) => boolean)[];
}

class Generator<E> {
  private readonly plans: readonly Plan<E>[];
  private readonly constants: Data[] = [];
  private readonly constantIndex = new Map<Data, number>();
  private readonly getters: FieldSpec<E>['get'][] = [];
  private readonly transforms: Transform[] = [];
  /** Expressions of values that are kept in variables, by operand. */
  private readonly values = new Map<string, string>();
  private readonly matchers: Matcher[] = [];
  private readonly fieldPlans: FieldsPlan<E>[] = [];
  private readonly uses = new Map<number, number>();
  private readonly fieldUses = new Map<string, number>();
  private readonly declarations: string[] = [];
  private readonly stamps: string[] = [];
  private readonly shared = new Map<number, string>();

  constructor(plans: readonly Plan<E>[]) {
    this.plans = plans;
  }

  /** Compiles all conditions; `keys` are the operands of lookups. */
  compile(linear: readonly number[], keys: readonly Operand<E>[], first: boolean): Code<E> {
    for (const plan of this.plans) this.count(plan);
    for (const key of keys) this.countOperand(key);
    const chunks: string[] = [];
    for (let start = 0; start < linear.length; start += RULES_PER_FUNCTION) {
      chunks.push(this.chunk(linear.slice(start, start + RULES_PER_FUNCTION), chunks.length, first));
    }
    const evaluated = new Set(linear);
    const tests = this.plans.map((plan, i) => {
      return evaluated.has(i) ? 'undefined' : `function(e){let t;return ${this.expression(plan, 0)};}`;
    });
    const values = keys.map((key) => `e=>${this.value(key)}`);
    const calls = chunks.map((_, i) => `n=c${i}(e,h,n);${first ? 'if(n)return n;' : ''}`);
    const source = [
      '"use strict";',
      'let g=0;',
      ...this.constants.map((_, i) => `const k${i}=K[${i}];`),
      ...this.getters.map((_, i) => `const get${i}=F[${i}];`),
      ...this.transforms.map((_, i) => `const t${i}=T[${i}];`),
      ...this.matchers.map((_, i) => `const m${i}=M[${i}];`),
      ...this.declarations,
      ...chunks,
      `function reset(){g=1;${this.stamps.map((stamp) => `${stamp}=0;`).join('')}}`,
      `function linear(e,h){if(++g>0x3ffffff0)reset();let n=0;${calls.join('')}return n;}`,
      `return {linear,values:[${values.join(',')}],tests:[${keys.length > 0 ? tests.join(',\n') : ''}]};`,
    ].join('\n');
    const make = new Function('K', 'F', 'T', 'M', 'some', 'every', 'each', 'fields', source) as (
      ...args: [
        readonly Data[],
        readonly FieldSpec<E>['get'][],
        readonly Transform[],
        readonly Matcher[],
        typeof someValue,
        typeof everyElement,
        typeof everyCandidate,
        Fields,
      ]
    ) => Code<E>;
    const plans = this.fieldPlans;
    return make(
      this.constants,
      this.getters,
      this.transforms,
      this.matchers,
      someValue,
      everyElement,
      everyCandidate,
      (index, left, right) => compareFields(plans[index]!, left, right),
    );
  }

  private chunk(indices: readonly number[], id: number, first: boolean): string {
    const lines = [`function c${id}(e,h,n){let t;`];
    for (let at = 0; at < indices.length; ) {
      const common = firstPart(this.plans[indices[at]!]!);
      let end = at + 1;
      while (end < indices.length && firstPart(this.plans[indices[end]!]!) === common) end++;
      const together = end - at > 1;
      if (together) lines.push(`if(${this.expression(common, 0)}){`);
      for (; at < end; at++) {
        const i = indices[at]!;
        const test = together ? this.rest(this.plans[i]!) : this.expression(this.plans[i]!, 0);
        if (test !== 'false') lines.push(`if(${test}){h[n++]=${i};${first ? 'return n;' : ''}}`);
      }
      if (together) lines.push('}');
    }
    lines.push('return n;}');
    return lines.join('\n');
  }

  /** A condition without its first part. */
  private rest(plan: Plan<E>): string {
    if (plan.kind !== 'and') return 'true';
    return (
      plan.children
        .slice(1)
        .map((child) => this.expression(child, 1))
        .join('&&') || 'true'
    );
  }

  /** Counts how many places use each part and each field. */
  private count(plan: Plan<E>): void {
    const seen = this.uses.get(plan.id) ?? 0;
    this.uses.set(plan.id, seen + 1);
    switch (plan.kind) {
      case 'and':
      case 'or':
        if (seen === 0) for (const child of plan.children) this.count(child);
        return;
      case 'not':
        if (seen === 0) this.count(plan.child);
        return;
      case 'exists':
      case 'compare':
        this.countOperand(plan.operand);
        return;
      case 'fields':
        this.countOperand(plan.left);
        this.countOperand(plan.right);
    }
  }

  private countOperand(operand: Operand<E>): void {
    this.fieldUses.set(operand.key, (this.fieldUses.get(operand.key) ?? 0) + 1);
    if (operand.kind === 'transform') for (const arg of operand.args) this.countOperand(arg);
  }

  private expression(plan: Plan<E>, depth: number): string {
    if (this.isShared(plan)) return `${this.sharedFunction(plan)}(e)`;
    if (depth > MAX_NESTING && plan.kind !== 'compare') return `${this.helper(plan)}(e)`;
    return this.inline(plan, depth);
  }

  private inline(plan: Plan<E>, depth: number): string {
    switch (plan.kind) {
      case 'constant':
        return String(plan.value);
      case 'and':
      case 'or': {
        const operator = plan.kind === 'and' ? '&&' : '||';
        return `(${plan.children.map((child) => this.expression(child, depth + 1)).join(operator)})`;
      }
      case 'not':
        return `!${this.expression(plan.child, depth + 1)}`;
      case 'exists':
        return `(${this.value(plan.operand)}!==undefined)`;
      case 'compare':
        return this.comparison(plan);
      case 'fields': {
        const index = this.fieldPlans.push(plan) - 1;
        return `fields(${index},${this.value(plan.left)},${this.value(plan.right)})`;
      }
    }
  }

  /** Worth a variable: used twice, and dearer than reading the variable. */
  private isShared(plan: Plan<E>): boolean {
    if ((this.uses.get(plan.id) ?? 0) < 2) return false;
    if (plan.kind === 'and' || plan.kind === 'or' || plan.kind === 'fields') return true;
    return plan.kind === 'compare' && isDear(plan);
  }

  private sharedFunction(plan: Plan<E>): string {
    let name = this.shared.get(plan.id);
    if (name !== undefined) return name;
    const id = this.shared.size;
    name = `p${id}`;
    this.shared.set(plan.id, name);
    const body = this.inline(plan, 0);
    this.stamps.push(`ps${id}`);
    this.declarations.push(
      `let ps${id}=0,pv${id}=false;function ${name}(e){if(ps${id}!==g){let t;pv${id}=${body};ps${id}=g;}return pv${id};}`,
    );
    return name;
  }

  private helper(plan: Plan<E>): string {
    const name = `h${this.declarations.length}_${plan.id}`;
    const body = this.inline(plan, 0);
    this.declarations.push(`function ${name}(e){let t;return ${body};}`);
    return name;
  }

  /** An expression for an operand's value: computed in place if used once, else through a variable. */
  private value(operand: Operand<E>): string {
    const known = this.values.get(operand.key);
    if (known !== undefined) return known;
    const expression = this.compute(operand);
    if ((this.fieldUses.get(operand.key) ?? 0) < 2) return expression;
    const id = this.values.size;
    this.stamps.push(`s${id}`);
    this.declarations.push(
      `let s${id}=0,v${id};function f${id}(e){if(s${id}!==g){v${id}=${expression};s${id}=g;}return v${id};}`,
    );
    this.values.set(operand.key, `f${id}(e)`);
    return `f${id}(e)`;
  }

  private compute(operand: Operand<E>): string {
    if (operand.kind === 'literal') return this.constant(operand.text);
    if (operand.kind === 'field') {
      // The field's own function, so that V8 sees one function at each place, and puts it in.
      const { spec, arg } = operand.ref;
      const getter = `get${this.getters.push(spec.get) - 1}`;
      return arg === undefined ? `${getter}(e)` : `${getter}(e,${this.constant(arg)})`;
    }
    const args = operand.args.map((arg) => this.value(arg));
    return `t${this.transforms.push(compileTransform(operand)) - 1}([${args.join(',')}])`;
  }

  private constant(value: Data): string {
    let index = this.constantIndex.get(value);
    if (index === undefined) {
      index = this.constants.push(value) - 1;
      this.constantIndex.set(value, index);
    }
    return `k${index}`;
  }

  private matcher(plan: ComparePlan<E>): string {
    return `m${this.matchers.push(compileMatcher(plan.op, plan.modifier, plan.constants)) - 1}`;
  }

  private comparison(plan: ComparePlan<E>): string {
    const { operand, op } = plan;
    const value = this.value(operand);
    if (operand.list) return `${op === 'in' ? 'every' : 'some'}(${value},${this.matcher(plan)})`;
    if (operand.any !== undefined) {
      const every = op === '!=' && operand.any.notEqual === 'every';
      return `${every ? 'each' : 'some'}(${value},${this.matcher(plan)})`;
    }
    if (plan.modifier === undefined && operand.type !== 'net') {
      const inlined = this.inlineComparison(plan, value);
      if (inlined !== undefined) return inlined;
    }
    return `((t=${value})!==undefined&&${this.matcher(plan)}(t))`;
  }

  /** Comparisons that are cheaper written out than called. A missing value (undefined) fails each of them. */
  private inlineComparison(plan: ComparePlan<E>, value: string): string | undefined {
    const scalars = plan.constants.map((constant) => constant.value as Scalar);
    const first = scalars[0];
    if (plan.op === 'in' || plan.op === 'intersects' || plan.op === '=')
      return this.membership(scalars, value);
    if (first === undefined) return 'false';
    switch (plan.op) {
      case '!=':
        if (scalars.length > 1) return undefined;
        return `((t=${value})!==undefined&&t!==${this.constant(first)})`;
      case '<':
      case '<=':
      case '>':
      case '>=':
        return `(${value}${plan.op}${this.constant(first)})`;
      case 'contains':
      case 'bcontains':
        return `((t=${value})!==undefined&&t.length>=${String(first).length}&&(t.length<${LONG_TEXT}?t.includes(${this.constant(first)}):${this.matcher(plan)}(t)))`;
      case 'startswith':
      case 'bstartswith':
        return `((t=${value})!==undefined${prefixGuard(String(first))}&&t.startsWith(${this.constant(first)}))`;
      case 'endswith':
        return `((t=${value})!==undefined${suffixGuard(String(first))}&&t.endsWith(${this.constant(first)}))`;
      default:
        return undefined;
    }
  }

  private membership(scalars: readonly Scalar[], value: string): string {
    if (scalars.length === 0) return 'false';
    if (scalars.length > INLINE_LIMIT) return `${this.constant(new Set(scalars))}.has(${value})`;
    const [head, ...rest] = scalars.map((scalar) => this.constant(scalar));
    return `((t=${value})===${head}${rest.map((name) => `||t===${name}`).join('')})`;
  }
}

/** What has to hold first: rules of one kind begin alike. */
const firstPart = <E>(plan: Plan<E>): Plan<E> => (plan.kind === 'and' ? (plan.children[0] ?? plan) : plan);

/** One character, compared inline, spares most calls: the second, since most prefixes begin with the same one. */
function prefixGuard(text: string): string {
  if (text === '') return '';
  const at = text.length > 1 ? 1 : 0;
  return `&&t.charCodeAt(${at})===${text.charCodeAt(at)}`;
}

function suffixGuard(text: string): string {
  return text === '' ? '' : `&&t.charCodeAt(t.length-1)===${text.charCodeAt(text.length - 1)}`;
}

/** Comparisons that cost more than a variable. */
function isDear<E>(plan: ComparePlan<E>): boolean {
  if (plan.operand.list || plan.operand.any !== undefined || plan.modifier !== undefined) return true;
  if (plan.operand.type === 'net') return true;
  return !['=', '!=', '<', '<=', '>', '>='].includes(plan.op);
}
