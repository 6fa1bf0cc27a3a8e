/** Descriptions of rules, macros and lists, shaped as Falco's `-L` JSON. */
import { PRIORITIES } from '../engine/core/priority.ts';
import { EventTypes } from './check/event-types.ts';
import type { Expr, OperandExpr, TransformArg } from './lang/ast.ts';
import { fromBytes } from './lang/bytes.ts';
import { parseBytes } from './lang/parser.ts';
import { printExpr } from './lang/print.ts';
import { describeExceptions } from './load/exceptions.ts';
import type { ListItem, MacroItem, RuleItem } from './load/items.ts';
import type { LoadResult, RuleModel } from './load/load.ts';
import { formatVersion } from './load/version.ts';
import type { CompiledRule } from './rule-set.ts';

export interface RuleDescription {
  readonly info: {
    readonly name: string;
    readonly condition: string;
    readonly priority: string;
    readonly output: string;
    readonly description: string;
    readonly enabled: boolean;
    readonly source: string;
    readonly tags: readonly string[];
  };
  readonly details: {
    readonly macros: readonly string[];
    readonly lists: readonly string[];
    readonly condition_operators: readonly string[];
    readonly condition_fields: readonly string[];
    readonly output_fields: readonly string[];
    readonly exception_fields: readonly string[];
    readonly exception_names: readonly string[];
    readonly exception_operators: readonly string[];
    readonly events: readonly string[];
    readonly condition_compiled: string;
    readonly output_compiled: string;
    readonly plugins: readonly string[];
  };
  /** Ringfence's own keys. */
  readonly enforcement: Pick<CompiledRule<unknown>, 'enforce' | 'respond'> & {
    readonly mode: string | null;
    readonly fail: string | null;
    readonly scope: RuleItem['scope'] | null;
  };
  readonly location: CompiledRule<unknown>['location'];
}

export interface MacroDescription {
  readonly info: { readonly name: string; readonly condition: string };
  readonly details: {
    readonly used: boolean;
    readonly macros: readonly string[];
    readonly lists: readonly string[];
    readonly condition_operators: readonly string[];
    readonly condition_fields: readonly string[];
    readonly events: readonly string[];
    readonly condition_compiled: string;
    readonly plugins: readonly string[];
  };
}

export interface ListDescription {
  readonly info: { readonly name: string; readonly items: readonly string[] };
  readonly details: {
    readonly used: boolean;
    readonly lists: readonly string[];
    readonly items_compiled: readonly string[];
    readonly plugins: readonly string[];
  };
}

export interface RulesDescription {
  readonly required_engine_version: string;
  readonly required_plugin_versions: readonly {
    readonly name: string;
    readonly version: string;
    readonly alternatives: readonly { readonly name: string; readonly version: string }[];
  }[];
  readonly rules: readonly RuleDescription[];
  readonly macros: readonly MacroDescription[];
  readonly lists: readonly ListDescription[];
}

/** Describes everything that was loaded, in order of first definition. */
export function describeRules<E>(result: LoadResult<E>): RulesDescription {
  const { model } = result;
  const { shelf } = model;
  const describer = new Describer(model);
  return {
    required_engine_version: formatVersion(shelf.requiredEngine),
    required_plugin_versions: shelf.plugins.map(({ alternatives }) => {
      const [first, ...others] = alternatives;
      return { name: first!.name, version: first!.version, alternatives: others };
    }),
    rules: [...model.compiled.values()].map((rule) => describer.rule(rule, shelf.rules.get(rule.name)!)),
    macros: byIndex(shelf.macros).flatMap((item) => describer.macro(item)),
    lists: byIndex(shelf.lists).map((item) => describer.list(item)),
  };
}

/** Describes one rule; undefined if no rule of this name was compiled. */
export function describeRule<E>(result: LoadResult<E>, name: string): RuleDescription | undefined {
  const rule = result.model.compiled.get(name);
  const item = result.model.shelf.rules.get(name);
  return rule && item && new Describer(result.model).rule(rule, item);
}

function byIndex<T extends { readonly index: number }>(items: ReadonlyMap<string, T>): T[] {
  return [...items.values()].sort((a, b) => a.index - b.index);
}

class Describer<E> {
  private readonly model: RuleModel<E>;
  private readonly eventTypes: EventTypes<E>;

  constructor(model: RuleModel<E>) {
    this.model = model;
    this.eventTypes = new EventTypes(model.options.events);
  }

  rule(rule: CompiledRule<E>, item: RuleItem): RuleDescription {
    const written = this.written(item.condition.text);
    const compiled = partsOf(rule.expr);
    const { names, operators } = describeExceptions(item.exceptions);
    const outputFields = [...rule.output.fieldNames];
    return {
      info: {
        name: rule.name,
        condition: rule.condition,
        priority: PRIORITIES[rule.priority],
        output: item.output,
        description: rule.desc,
        enabled: rule.enabled,
        source: rule.source,
        tags: rule.tags,
      },
      details: {
        macros: written.macros,
        lists: written.lists,
        condition_operators: compiled.operators,
        condition_fields: compiled.fields,
        output_fields: outputFields,
        exception_fields: this.model.exceptionFields.get(rule.name) ?? [],
        exception_names: names,
        exception_operators: operators,
        events: this.eventNames(rule.eventCodes),
        condition_compiled: printExpr(rule.expr),
        output_compiled: rule.output.text,
        plugins: pluginsOf([...compiled.fields, ...outputFields]),
      },
      enforcement: {
        enforce: rule.enforce,
        respond: rule.respond,
        mode: rule.mode ?? null,
        fail: rule.fail ?? null,
        scope: rule.scope ?? null,
      },
      location: rule.location,
    };
  }

  macro(item: MacroItem): MacroDescription[] {
    const expr = this.model.macros.resolved.get(item.name);
    if (expr === undefined) return [];
    const written = this.written(item.condition.text);
    const compiled = partsOf(expr);
    const { plan } = this.model.checker.check(expr);
    return [
      {
        info: { name: item.name, condition: fromBytes(item.condition.text) },
        details: {
          used: this.model.macros.used.has(item.name),
          macros: written.macros,
          lists: written.lists,
          condition_operators: compiled.operators,
          condition_fields: compiled.fields,
          events: plan === undefined ? [] : this.eventNames(this.eventTypes.of(plan)),
          condition_compiled: printExpr(expr),
          plugins: [],
        },
      },
    ];
  }

  list(item: ListItem): ListDescription {
    const { lists } = this.model;
    const { items, references } = lists.expanded.get(item.name)!;
    return {
      info: { name: item.name, items: item.items.filter((text) => !references.includes(text)) },
      details: {
        used: lists.used.has(item.name),
        lists: [...new Set(references)],
        items_compiled: items,
        plugins: [],
      },
    };
  }

  /** Macros and lists that a condition names itself, before anything is put in. */
  private written(condition: string): { macros: string[]; lists: string[] } {
    const parsed = parseBytes(condition);
    if (!parsed.ok) return { macros: [], lists: [] };
    const parts = partsOf(parsed.expr);
    const { macros, lists } = this.model.shelf;
    return {
      macros: parts.macros.filter((name) => macros.has(name)),
      lists: parts.values.filter((name) => lists.has(name)),
    };
  }

  private eventNames(codes: ReadonlySet<number> | undefined): string[] {
    const { names } = this.model.options.events;
    return codes === undefined ? [...names] : [...codes].map((code) => names[code]!).sort();
  }
}

/** The container fields are a plugin in Falco, and built in here. */
function pluginsOf(fields: readonly string[]): string[] {
  return fields.some((field) => /^(?:container|k8s)\./.test(field)) ? ['container'] : [];
}

interface Parts {
  readonly fields: string[];
  readonly operators: string[];
  readonly macros: string[];
  readonly values: string[];
}

/** What a condition is made of; each list sorted and without duplicates. */
function partsOf(expr: Expr): Parts {
  const found = {
    fields: new Set<string>(),
    operators: new Set<string>(),
    macros: new Set<string>(),
    values: new Set<string>(),
  };
  const seen = new Set<Expr>();
  const operand = (arg: OperandExpr | TransformArg): void => {
    if (arg.kind === 'field') found.fields.add(fromBytes(arg.arg ? `${arg.name}[${arg.arg}]` : arg.name));
    else if (arg.kind !== 'literal') arg.args.forEach(operand);
  };
  const visit = (node: Expr): void => {
    if (seen.has(node)) return;
    seen.add(node);
    switch (node.kind) {
      case 'and':
      case 'or':
        node.children.forEach(visit);
        return;
      case 'not':
        visit(node.child);
        return;
      case 'macro':
        found.macros.add(node.name);
        if (node.body !== undefined) visit(node.body);
        return;
      case 'exists':
        operand(node.left);
        found.operators.add('exists');
        return;
      case 'check':
        operand(node.left);
        found.operators.add(node.op);
        if (node.right.kind === 'list')
          for (const value of node.right.values) found.values.add(fromBytes(value));
        else if (node.right.kind === 'value') found.values.add(fromBytes(node.right.text));
        else operand(node.right);
    }
  };
  visit(expr);
  const sorted = (set: ReadonlySet<string>): string[] => [...set].sort();
  return {
    fields: sorted(found.fields),
    operators: sorted(found.operators),
    macros: sorted(found.macros),
    values: sorted(found.values),
  };
}
