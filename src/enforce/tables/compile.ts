import { type Clause, type ClauseList, toClauses } from '../clauses/clauses.ts';
import type { Condition, PolicyRule } from '../clauses/condition.ts';
import { type CheckNote, type FormulaResult, toFormula } from '../clauses/formula.ts';
import { mergeClauses, type OwnedClause } from '../clauses/merge.ts';
import { isDeniable, OPERATIONS, type OperationName, refusedWith } from '../clauses/operations.ts';
import type { Intervals } from '../clauses/sets.ts';
import { BIT_STATES, NUMBER_DIMS, type NumberDim, STRING_DIMS, type StringDim } from '../clauses/term.ts';
import { tableWords } from './automaton.ts';
import { type DenyClause, joinDenials } from './deny-clauses.ts';
import { numberTable } from './number-table.ts';
import { OutputPool } from './output-pool.ts';
import { stringTable } from './string-table.ts';
import {
  type ClassTable,
  type ClauseOwner,
  LIMITS,
  type Mask,
  type NamedObject,
  type Policy,
  type StringTable,
} from './tables.ts';

/** Clauses of one condition before the rest is left out. */
const CONDITION_CAP = 64;

/** What became of one rule for one kind of operation. */
export interface RulePlan {
  readonly rule: string;
  readonly operation: OperationName;
  readonly purpose: 'detect' | 'deny';
  readonly notes: readonly CheckNote[];
  /** The kernel decides the whole condition. */
  readonly exact: boolean;
  /** The calls that a denying rule refuses: with those it names all that do the same. */
  readonly refuses?: readonly string[];
}

/** A denying rule that the kernel cannot decide. */
export interface PolicyError {
  readonly rule: string;
  readonly message: string;
  readonly help?: string;
}

export interface CompileResult {
  readonly policy: Policy;
  readonly plans: readonly RulePlan[];
  readonly errors: readonly PolicyError[];
  /** Pattern length that the tables had to be cut to; Infinity = whole. */
  readonly patternLength: number;
}

/** Compiles rules to the kernel's tables. Pure: what a kernel or a model does with them is another matter. */
export function compilePolicy(rules: readonly PolicyRule[], generation: number): CompileResult {
  const plans: RulePlan[] = [];
  const errors: PolicyError[] = [];
  const inputs = OPERATIONS.flatMap(({ name, op, events }) => {
    const detect: OwnedClause[] = [];
    const deny: DenyClause[] = [];
    rules.forEach((rule, index) => {
      const wanted = new Set(events.filter((e) => rule.events?.has(e) ?? true));
      if (wanted.size === 0) return;
      const seen = compileRule(rule, name, wanted, plans);
      for (const clause of seen.clauses) detect.push({ clause, rules: new Set([index]) });
      if (rule.enforce !== 'none') deny.push(...compileDenial(rule, name, wanted, plans, errors));
    });
    return detect.length + deny.length === 0 ? [] : [{ name, op, events, detect, deny: joinDenials(deny) }];
  });
  for (const input of inputs) {
    if (input.deny.length > LIMITS.clausesPerOperation - 1) {
      errors.push({
        rule: input.deny.at(-1)?.owner.rules[0] ?? '',
        message: `more than ${LIMITS.clausesPerOperation - 1} denying clauses for ${input.name}`,
        help: 'join rules that differ only in a list, or use deny lists',
      });
      input.deny.length = 0;
    }
  }
  for (const length of [Number.POSITIVE_INFINITY, 64, 32, 16, 8, 4, 2, 1]) {
    const built = build(inputs, rules, generation, length);
    if (built !== undefined) return { policy: built, plans, errors, patternLength: length };
  }
  errors.push({
    rule: '',
    message: 'the denying rules name more paths than the kernel table holds',
    help: 'use deny lists',
  });
  return { policy: { generation, classes: [], outputs: [] }, plans, errors, patternLength: 0 };
}

function compileRule(
  rule: PolicyRule,
  name: OperationName,
  events: ReadonlySet<string>,
  plans: RulePlan[],
): ClauseList {
  const result = toFormula(rule.condition, name, 'detect');
  const list = toClauses(result.formula, events, CONDITION_CAP);
  if (list.clauses.length > 0) {
    const exact = list.exact && result.notes.every((n) => n.where === 'kernel');
    plans.push({ rule: rule.name, operation: name, purpose: 'detect', notes: result.notes, exact });
  }
  return list;
}

function compileDenial(
  rule: PolicyRule,
  name: OperationName,
  events: ReadonlySet<string>,
  plans: RulePlan[],
  errors: PolicyError[],
): DenyClause[] {
  // What an exec rule says of the executable is about the new one: nobody is protected from being executed.
  const base = rule.denial ?? rule.condition;
  const condition: Condition =
    name === 'exec' || rule.exempt === undefined
      ? base
      : { kind: 'and', items: [base, { kind: 'not', item: rule.exempt }] };
  const result = toFormula(condition, name, 'deny');
  const list = toClauses(result.formula, events, CONDITION_CAP);
  if (list.clauses.length === 0) return [];
  const problem = denialProblem(result, list, name);
  const refused = list.clauses.map((c) => new Set([...c.events].flatMap((e) => refusedWith(name, e))));
  plans.push({
    rule: rule.name,
    operation: name,
    purpose: 'deny',
    notes: result.notes,
    exact: problem === undefined,
    refuses: [...new Set(refused.flatMap((calls) => [...calls]))],
  });
  if (problem !== undefined) {
    errors.push({ rule: rule.name, ...problem });
    return [];
  }
  const action = rule.enforce === 'kill' ? 'kill' : 'deny';
  return list.clauses.map((clause, i) => ({
    clause: { ...clause, events: refused[i] ?? new Set() },
    owner: { rules: [rule.name], action, mode: rule.mode, failClosed: rule.failClosed === true },
  }));
}

function denialProblem(
  result: FormulaResult,
  list: ClauseList,
  name: OperationName,
): Omit<PolicyError, 'rule'> | undefined {
  if (!isDeniable(name))
    return { message: `the kernel does not refuse ${name}`, help: 'add a positive evt.type' };
  const beyond = list.clauses
    .flatMap((c) => [...c.events])
    .find((event) => refusedWith(name, event).length === 0);
  if (beyond !== undefined)
    return { message: `the kernel does not refuse ${beyond}`, help: `take ${beyond} out of evt.type` };
  const undecided = result.notes.find((n) => n.where !== 'kernel');
  if (undecided !== undefined) {
    return {
      message: `\`${undecided.text}\` cannot be decided in the kernel for ${name}: ${undecided.reason}`,
      ...(undecided.instead === undefined ? {} : { help: `what can stand here: ${undecided.instead}` }),
    };
  }
  const lanes = Math.max(0, ...list.clauses.flatMap((c) => [...c.require.values()].map((r) => r.length)));
  if (!list.exact || lanes > LIMITS.lanes)
    return { message: `the condition is too complex for ${name}`, help: 'split the rule' };
  return undefined;
}

type Input = {
  readonly name: OperationName;
  readonly op: number;
  readonly events: readonly string[];
  readonly detect: readonly OwnedClause[];
  readonly deny: readonly DenyClause[];
};

function build(
  inputs: readonly Input[],
  rules: readonly PolicyRule[],
  generation: number,
  length: number,
): Policy | undefined {
  const pool = new OutputPool();
  let classes: ClassTable[];
  try {
    classes = inputs.map((input) => buildClass(input, rules, pool, length));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
  const words = classes
    .flatMap((c) => [...c.strings.values()])
    .reduce((sum, s) => sum + tableWords(s.automaton), 0);
  const breaks = classes.flatMap((c) => [...c.numbers.values()]).reduce((sum, n) => sum + n.breaks.length, 0);
  // The first words of the table stay free: row 0 means "no automaton".
  if (words + 2 > LIMITS.tableWords || pool.outputs.length > LIMITS.outputs || breaks > LIMITS.breaks)
    return undefined;
  return { generation, classes, outputs: pool.outputs };
}

function buildClass(
  input: Input,
  rules: readonly PolicyRule[],
  pool: OutputPool,
  length: number,
): ClassTable {
  const merged = mergeClauses(input.detect, LIMITS.clausesPerOperation - input.deny.length);
  const clauses = [...input.deny.map((d) => d.clause), ...merged.map((d) => d.clause)];
  const owners: ClauseOwner[] = [
    ...input.deny.map((d) => d.owner),
    ...merged.map(
      (d): ClauseOwner => ({
        rules: [...d.rules].map((i) => rules[i]?.name ?? ''),
        action: 'emit',
        mode: 'monitor',
        failClosed: false,
      }),
    ),
  ];
  const maskOf = (test: (clause: Clause, index: number) => boolean): Mask =>
    clauses.reduce((mask, clause, i) => (test(clause, i) ? mask | (1n << BigInt(i)) : mask), 0n);
  const strings = new Map<StringDim, StringTable>();
  for (const dim of STRING_DIMS) {
    const table = stringTable({ dim, clauses, strict: (i) => i < input.deny.length }, pool, length);
    if (table !== undefined) strings.set(dim, table);
  }
  const numbers = new Map<NumberDim, NonNullable<ReturnType<typeof numberTable>>>();
  for (const dim of NUMBER_DIMS) {
    const table = numberTable(clauses, dim);
    if (table !== undefined) numbers.set(dim, table);
  }
  return {
    operation: input.name,
    op: input.op,
    emit: maskOf((_, i) => owners[i]?.action === 'emit'),
    deny: maskOf((_, i) => owners[i]?.action === 'deny'),
    kill: maskOf((_, i) => owners[i]?.action === 'kill'),
    monitor: maskOf((_, i) => owners[i]?.action !== 'emit' && owners[i]?.mode === 'monitor'),
    closed: maskOf((_, i) => owners[i]?.failClosed === true),
    events: new Map(input.events.map((e) => [e, maskOf((c) => c.events.has(e))])),
    bits: Array.from({ length: BIT_STATES }, (_, s) => maskOf((c) => ((c.bits >> BigInt(s)) & 1n) !== 0n)),
    strings,
    numbers,
    clauses: owners,
    named: namedObjects(input),
    addressed: neededAddresses(input),
  };
}

/** Addresses without which denying clauses do not hold. */
function neededAddresses(input: Input): Map<number, Intervals> {
  const needed = new Map<number, Intervals>();
  input.deny.forEach(({ clause }, index) => {
    const address = clause.numbers.get('daddr4');
    if (address !== undefined && !address.absent) needed.set(index, address.set);
  });
  return needed;
}

/** Files, folders and programs that denying clauses name. Lanes are those of the string table. */
function namedObjects(input: Input): NamedObject[] {
  const dims: readonly StringDim[] = input.name === 'exec' ? ['exe'] : ['path', 'other'];
  return input.deny.flatMap(({ clause }, index) =>
    dims.flatMap((dim) =>
      (clause.require.get(dim) ?? []).flatMap((patterns, lane) =>
        patterns.map((pattern) => ({ clause: index, lane, pattern, other: dim === 'other' })),
      ),
    ),
  );
}
