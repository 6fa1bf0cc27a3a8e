/** Rule files → a rule set, with everything that is wrong or doubtful in them. */
import type { Priority } from '../../engine/core/priority.ts';
import { Checker } from '../check/check.ts';
import { EventTypes } from '../check/event-types.ts';
import type { Fault } from '../check/faults.ts';
import { Interner, type Plan } from '../check/plan.ts';
import { isLate, refsOfPlan } from '../check/refs.ts';
import type { EventNames } from '../field-spec.ts';
import type { FieldTable } from '../field-table.ts';
import type { Expr } from '../lang/ast.ts';
import { fromBytes, toBytes } from '../lang/bytes.ts';
import { operandPrefix } from '../lang/parser.ts';
import { type CompiledRule, type Matching, RuleSet } from '../rule-set.ts';
import { Collector } from './collect.ts';
import { withExceptions } from './exceptions.ts';
import type { RuleItem } from './items.ts';
import { Lists } from './lists.ts';
import { Macros } from './macros.ts';
import { type AppendOutput, CONTAINER_INFO, compileOutput } from './outputs.ts';
import { Report, type RuleDiagnostic } from './report.ts';
import { isSelected, type RuleSelector } from './select.ts';
import type { Shelf } from './shelf.ts';
import { inside, type Place, SourceFile } from './source.ts';
import type { OriginText } from './text.ts';
import { parseVersion, satisfies, type Version } from './version.ts';
import { conditionWarnings, DEPRECATED_FIELDS } from './warnings.ts';

/** More event types than this make a rule too unspecific. */
const MANY_EVENT_TYPES = 100;

export interface RuleFile {
  /** For messages: the path, or anything. */
  readonly name: string;
  readonly text: string;
}

export interface LoadOptions<E> {
  readonly fields: FieldTable<E>;
  readonly events: EventNames;
  /** Event sources whose rules are loaded. Default: syscall. */
  readonly sources?: readonly string[];
  /** What `required_plugin_versions` is checked against. Default: the built-in container support. */
  readonly plugins?: readonly { readonly name: string; readonly version: string }[];
  /** Rules less severe than this are left out. */
  readonly minPriority?: Priority;
  readonly selectors?: readonly RuleSelector[];
  /** Default: all. */
  readonly matching?: Matching;
  readonly appendOutput?: readonly AppendOutput[];
  /** `skip`: rules with unknown fields or events are left out with a warning. Default: error. */
  readonly unknownFields?: 'error' | 'skip';
}

export interface LoadResult<E> {
  /** No errors. */
  readonly ok: boolean;
  /** In the order in which they were found: reading first, then compiling. */
  readonly diagnostics: readonly RuleDiagnostic[];
  readonly files: readonly string[];
  /** Absent if there are errors. */
  readonly rules?: RuleSet<E>;
  /** What was read, for descriptions; as far as it could be made sense of. */
  readonly model: RuleModel<E>;
}

/** Everything that was read. */
export interface RuleModel<E> {
  /** What the files say. */
  readonly shelf: Shelf;
  readonly lists: Lists;
  readonly macros: Macros;
  readonly compiled: ReadonlyMap<string, CompiledRule<E>>;
  /** Fields in the exceptions of a rule that have values. */
  readonly exceptionFields: ReadonlyMap<string, readonly string[]>;
  readonly plans: Interner<E>;
  readonly checker: Checker<E>;
  readonly options: LoadOptions<E>;
}

const BUILT_IN_PLUGINS = [{ name: 'container', version: '0.7.0' }];

/** Loads rule files, in the given order, into one rule set. Never throws on what the files contain. */
export function loadRules<E>(files: readonly RuleFile[], options: LoadOptions<E>): LoadResult<E> {
  return new Loader(options).load(files);
}

class Loader<E> {
  private readonly options: LoadOptions<E>;
  private readonly report = new Report();
  private readonly plans = new Interner<E>();
  private readonly checker: Checker<E>;
  private readonly eventTypes: EventTypes<E>;
  private readonly compiled = new Map<string, CompiledRule<E>>();
  private readonly exceptionFields = new Map<string, readonly string[]>();

  constructor(options: LoadOptions<E>) {
    this.options = options;
    this.checker = new Checker({ fields: options.fields, events: options.events, plans: this.plans });
    this.eventTypes = new EventTypes(options.events);
  }

  load(files: readonly RuleFile[]): LoadResult<E> {
    const { options, report } = this;
    const skipUnknown = options.unknownFields === 'skip';
    const collector = new Collector({
      sources: options.sources ?? ['syscall'],
      isField: (text) => skipUnknown || this.isField(text),
      report,
    });
    for (const file of files) collector.read(new SourceFile(file.name, file.text));
    const { shelf } = collector;
    const lists = new Lists(shelf.lists, report);
    const macros = new Macros(shelf.macros, lists, shelf.broken.macro, report);
    for (const rule of [...shelf.rules.values()].sort((a, b) => a.index - b.index)) {
      if (!rule.unknownSource) this.compile(rule, macros);
    }
    this.checkPlugins(shelf);
    if (!report.failed) this.warnUnused(shelf, lists, macros);
    const model: RuleModel<E> = {
      shelf,
      lists,
      macros,
      compiled: this.compiled,
      exceptionFields: this.exceptionFields,
      plans: this.plans,
      checker: this.checker,
      options,
    };
    const result = { diagnostics: report.diagnostics, files: files.map((file) => file.name), model };
    if (report.failed) return { ok: false, ...result };
    return { ok: true, ...result, rules: this.ruleSet() };
  }

  private ruleSet(): RuleSet<E> {
    const { minPriority = 7, matching = 'all', events } = this.options;
    const rules = [...this.compiled.values()].filter((rule) => rule.priority <= minPriority);
    return new RuleSet({ rules, plans: this.plans, events, matching });
  }

  /** Whether a text is a field or a transformer over fields. */
  private isField(text: string): boolean {
    const bytes = toBytes(text.trim());
    const parsed = operandPrefix(bytes);
    if (parsed === undefined || parsed.length !== bytes.length) return false;
    return this.checker.operand(parsed.expr, 'left').operand !== undefined;
  }

  private compile(rule: RuleItem, macros: Macros): void {
    const skip = rule.skipIfUnknownFilter || this.options.unknownFields === 'skip';
    const output = this.compileOutput(rule, skip);
    const complete = withExceptions(rule.condition, rule.exceptions, this.report);
    if (complete === undefined) return;
    this.exceptionFields.set(rule.name, complete.fields);
    const resolved = macros.resolve(complete.condition, rule.place);
    if (resolved === undefined) return;
    const plan = this.check(rule, resolved.expr, resolved.condition, macros, skip);
    if (plan === undefined || output === undefined) return;
    const eventCodes = this.eventTypes.of(plan);
    if (rule.source === 'syscall' && rule.warnEvttypes && (eventCodes?.size ?? Infinity) > MANY_EVENT_TYPES) {
      const message = 'Rule matches too many evt.type values. This has a significant performance penalty.';
      const help =
        "begin the condition with the events it is about: 'evt.type in (execve, execveat) and ...'";
      this.report.warning('LOAD_NO_EVTTYPE', message, rule.place, help);
    }
    const { file, steps } = rule.place;
    this.compiled.set(rule.name, {
      index: this.compiled.size,
      name: rule.name,
      source: rule.source,
      desc: rule.desc,
      priority: rule.priority,
      tags: [...rule.tags].sort(),
      enabled: isSelected(rule, this.options.selectors ?? []),
      condition: fromBytes(rule.condition.text),
      expr: resolved.expr,
      plan,
      eventCodes,
      late: isLate(refsOfPlan(plan)),
      output: output.format,
      render: output.render,
      enforce: rule.enforce,
      respond: rule.respond,
      mode: rule.mode,
      fail: rule.fail,
      scope: rule.scope,
      capture: rule.capture,
      captureDuration: rule.captureDuration,
      location: { file: file.name, line: file.position(steps[0]!.offset).line },
    });
  }

  private compileOutput(rule: RuleItem, skip: boolean): ReturnType<typeof this.tryOutput> {
    if (rule.output.includes(CONTAINER_INFO)) {
      const message = `${CONTAINER_INFO} is deprecated and shows nothing: container fields are appended to every output`;
      this.report.warning('LOAD_DEPRECATED_ITEM', message, rule.outputPlace);
    }
    const output = this.tryOutput(rule, skip);
    for (const name of DEPRECATED_FIELDS) {
      if (output?.format.fieldNames.includes(name)) {
        const message = `usage of deprecated field '${name}' has been detected in the rule output`;
        this.report.warning('LOAD_DEPRECATED_ITEM', message, rule.outputPlace);
      }
    }
    return output;
  }

  private tryOutput(rule: RuleItem, skip: boolean) {
    const context = { fields: this.options.fields, checker: this.checker };
    const compiled = compileOutput<E>(rule, this.options.appendOutput ?? [], context);
    if (!('faults' in compiled)) return compiled;
    for (const fault of compiled.faults) {
      const place = inside(rule.outputPlace, 'rule output', '', undefined);
      if (skip && fault.kind === 'unknown') {
        this.report.warning('LOAD_UNKNOWN_FILTER', fault.message, place, fault.help);
      } else {
        this.report.error('LOAD_ERR_COMPILE_OUTPUT', fault.message, place, fault.help);
      }
    }
    return undefined;
  }

  private check(
    rule: RuleItem,
    expr: Expr,
    condition: OriginText,
    macros: Macros,
    skip: boolean,
  ): Plan<E> | undefined {
    const place = (fault: Fault): Place => {
      const text = fault.macro === undefined ? condition : macros.conditions.get(fault.macro);
      return text?.locate(fault.at) ?? rule.place;
    };
    const { plan, faults, hints } = this.checker.check(expr);
    for (const fault of faults) {
      if (skip && fault.kind === 'unknown') {
        this.report.warning(
          'LOAD_UNKNOWN_FILTER',
          fault.message,
          inside(rule.place, 'rule condition', '', place(fault).steps.at(-1)?.offset),
          fault.help,
        );
      } else {
        this.report.error('LOAD_ERR_COMPILE_CONDITION', fault.message, place(fault), fault.help);
      }
    }
    for (const hint of hints)
      this.report.warning('LOAD_COMPILE_CONDITION', hint.message, place(hint), hint.help);
    for (const { code, message } of conditionWarnings(expr)) this.report.warning(code, message, rule.place);
    return plan;
  }

  private checkPlugins(shelf: Shelf): void {
    const available = new Map<string, Version>();
    for (const { name, version } of this.options.plugins ?? BUILT_IN_PLUGINS) {
      const parsed = parseVersion(version);
      if (parsed !== undefined) available.set(name, parsed);
    }
    for (const { alternatives, place } of shelf.plugins) {
      const met = alternatives.some(({ name, version }) => {
        const there = available.get(name);
        const required = parseVersion(version);
        return there !== undefined && required !== undefined && satisfies(there, required);
      });
      if (met) continue;
      const wanted = alternatives.map(({ name, version }) => `${name} (>= ${version})`).join(', ');
      this.report.error(
        'LOAD_ERR_VALIDATE',
        `Plugin requirement not satisfied, must load one of: ${wanted}`,
        place,
      );
    }
  }

  private warnUnused(shelf: Shelf, lists: Lists, macros: Macros): void {
    for (const { name, place } of shelf.macros.values()) {
      if (macros.used.has(name)) continue;
      this.report.warning('LOAD_UNUSED_MACRO', 'Macro not referred to by any other rule/macro', place);
    }
    for (const { name, place } of shelf.lists.values()) {
      if (lists.used.has(name)) continue;
      this.report.warning('LOAD_UNUSED_LIST', 'List not referred to by any other rule/macro', place);
    }
  }
}
