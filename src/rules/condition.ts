/** Single conditions and output formats, outside of any rule file: event filters, output filters, templates. */
import type { Diagnostic } from '../engine/core/diagnostic.ts';
import type { OnDemand } from '../sensors/calls/capture-plan.ts';
import { Checker } from './check/check.ts';
import { type Codes, EventTypes } from './check/event-types.ts';
import { Interner, type Plan } from './check/plan.ts';
import { readsOf, refsOfPlan } from './check/refs.ts';
import { generateFilter } from './code/generate.ts';
import type { EventNames } from './field-spec.ts';
import type { FieldTable } from './field-table.ts';
import { fromBytes, toBytes } from './lang/bytes.ts';
import { parseBytes } from './lang/parser.ts';
import { snippetOf } from './load/source.ts';
import { compileFormat, type OutputFormat } from './output/format.ts';

export interface ConditionOptions<E> {
  readonly fields: FieldTable<E>;
  readonly events: EventNames;
}

export type ConditionResult<E> =
  | {
      readonly ok: true;
      readonly test: (event: E) => boolean;
      /** Events that can satisfy it; undefined = all. */
      readonly eventCodes: Codes;
      /** What the kernel must copy for its fields. */
      readonly reads: ReadonlySet<OnDemand>;
      readonly plan: Plan<E>;
      readonly diagnostics: readonly Diagnostic[];
    }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] };

/** Compiles a condition without macros and lists into a filter. */
export function compileCondition<E>(text: string, options: ConditionOptions<E>): ConditionResult<E> {
  const bytes = toBytes(text);
  const parsed = parseBytes(bytes);
  const locate = (
    severity: Diagnostic['severity'],
    code: string,
    message: string,
    at: number,
    help?: string,
  ): Diagnostic => {
    const before = fromBytes(bytes.slice(0, at));
    const lines = before.split('\n');
    const column = lines.at(-1)!.length;
    return {
      severity,
      code,
      message,
      line: lines.length,
      column: column + 1,
      offset: at,
      snippet: snippetOf(text.split('\n')[lines.length - 1] ?? '', column),
      ...(help === undefined ? {} : { help }),
    };
  };
  if (!parsed.ok) {
    const { error, at, help } = parsed;
    return {
      ok: false,
      diagnostics: [locate('error', 'LOAD_ERR_COMPILE_CONDITION', fromBytes(error), at, help)],
    };
  }
  const checker = new Checker<E>({ ...options, plans: new Interner<E>() });
  const { plan, faults, hints } = checker.check(parsed.expr);
  const diagnostics = [
    ...faults.map((fault) =>
      locate('error', 'LOAD_ERR_COMPILE_CONDITION', fault.message, fault.at, fault.help),
    ),
    ...hints.map((hint) => locate('warning', 'LOAD_COMPILE_CONDITION', hint.message, hint.at, hint.help)),
  ];
  if (plan === undefined) return { ok: false, diagnostics };
  const eventCodes = new EventTypes<E>(options.events).of(plan);
  const reads = readsOf(refsOfPlan(plan));
  return { ok: true, test: generateFilter(plan), eventCodes, reads, plan, diagnostics };
}

export type SyntaxAnswer =
  | { readonly ok: true }
  | { readonly ok: false; readonly error: string; readonly column: number };

/** Checks the syntax of a condition alone: fields, macros and types are not looked at. The column is 1-based. */
export function checkSyntax(text: string): SyntaxAnswer {
  const bytes = toBytes(text);
  const parsed = parseBytes(bytes);
  if (parsed.ok) return { ok: true };
  return {
    ok: false,
    error: fromBytes(parsed.error),
    column: fromBytes(bytes.slice(0, parsed.at)).length + 1,
  };
}

/** The same for a line that holds a condition as a JSON string; any other line is taken as the condition itself. */
export function checkSyntaxLine(line: string): SyntaxAnswer {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    value = line;
  }
  return checkSyntax(typeof value === 'string' ? value : line);
}

/** Compiles an output format (`%field` text). */
export function compileOutputFormat<E>(
  text: string,
  options: ConditionOptions<E> & { readonly lenient?: boolean },
):
  | { readonly ok: true; readonly format: OutputFormat<E> }
  | { readonly ok: false; readonly diagnostics: readonly Diagnostic[] } {
  const checker = new Checker<E>({
    fields: options.fields,
    events: options.events,
    plans: new Interner<E>(),
  });
  const result = compileFormat<E>(text, { fields: options.fields, checker }, options.lenient ?? true);
  if ('format' in result) return { ok: true, format: result.format };
  const diagnostics = result.faults.map(
    (fault): Diagnostic => ({
      severity: 'error',
      code: 'LOAD_ERR_COMPILE_OUTPUT',
      message: fault.message,
      line: 1,
      column: fault.at + 1,
      snippet: snippetOf(text, fault.at),
      ...(fault.help === undefined ? {} : { help: fault.help }),
    }),
  );
  return { ok: false, diagnostics };
}
