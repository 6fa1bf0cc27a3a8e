/** Macros: parsing, and putting them into conditions as shared subtrees. */

import { nearest } from '../../engine/core/nearest.ts';
import type { Expr, LogicExpr } from '../lang/ast.ts';
import { fromBytes } from '../lang/bytes.ts';
import { parseBytes } from '../lang/parser.ts';
import type { MacroItem } from './items.ts';
import type { Lists } from './lists.ts';
import type { Report } from './report.ts';
import { inside, type Place } from './source.ts';
import type { OriginText } from './text.ts';

/** Parts of a condition once all macros are put in: more is a mistake, or an attempt to exhaust memory. */
const MAX_SIZE = 200_000;
const MAX_DEPTH = 2500;
/** Macros that wait for one another while they are resolved; those in order of definition do not wait. */
const MAX_NESTING = 500;

interface Parsed {
  readonly item: MacroItem;
  readonly condition: OriginText;
  readonly expr: Expr;
}

interface Resolved {
  readonly expr: Expr;
  readonly size: number;
  readonly depth: number;
}

/** Parses conditions and resolves the macros in them. */
export class Macros {
  /** Resolved macros by name; a name is absent if its macro is faulty. */
  readonly resolved = new Map<string, Expr>();
  /** Condition texts with lists put in, for locating faults. */
  readonly conditions = new Map<string, OriginText>();
  /** Macros that something refers to. */
  readonly used = new Set<string>();
  private readonly parsed = new Map<string, Parsed>();
  private readonly done = new Map<string, Resolved | undefined>();
  private readonly lists: Lists;
  private readonly report: Report;
  private readonly broken: ReadonlySet<string>;

  constructor(
    items: ReadonlyMap<string, MacroItem>,
    lists: Lists,
    broken: ReadonlySet<string>,
    report: Report,
  ) {
    this.lists = lists;
    this.report = report;
    this.broken = broken;
    for (const item of items.values()) {
      const condition = lists.substitute(item.condition);
      this.conditions.set(item.name, condition);
      const expr = this.parse(condition, item.place);
      if (expr === undefined) this.done.set(item.name, undefined);
      else this.parsed.set(item.name, { item, condition, expr });
    }
    for (const name of items.keys()) {
      const result = this.macro(name, []);
      if (result !== undefined) this.resolved.set(name, result.expr);
    }
  }

  /** A condition with lists put in and macros resolved; undefined after an error. */
  resolve(condition: OriginText, place: Place): { condition: OriginText; expr: Expr } | undefined {
    const substituted = this.lists.substitute(condition);
    const expr = this.parse(substituted, place);
    const result = expr && this.expand(expr, substituted, place, undefined, []);
    return result && { condition: substituted, expr: result.expr };
  }

  private parse(condition: OriginText, place: Place): Expr | undefined {
    const result = parseBytes(condition.text);
    if (result.ok) return result.expr;
    const at = condition.locate(result.at) ?? place;
    return this.report.error('LOAD_ERR_COMPILE_CONDITION', fromBytes(result.error), at, result.help);
  }

  private macro(name: string, above: readonly string[]): Resolved | undefined {
    if (this.done.has(name)) return this.done.get(name);
    const parsed = this.parsed.get(name);
    if (parsed === undefined) return undefined;
    const result = this.expand(parsed.expr, parsed.condition, parsed.item.place, parsed.item, [
      ...above,
      name,
    ]);
    this.done.set(name, result);
    return result;
  }

  /** `viewer` is the macro whose body this is; a rule sees all macros. */
  private expand(
    expr: Expr,
    condition: OriginText,
    place: Place,
    viewer: MacroItem | undefined,
    above: readonly string[],
  ): Resolved | undefined {
    switch (expr.kind) {
      case 'and':
      case 'or': {
        const children = expr.children.map((child) => this.expand(child, condition, place, viewer, above));
        if (children.some((child) => child === undefined)) return undefined;
        const parts = children as Resolved[];
        const changed = parts.some((part, i) => part.expr !== expr.children[i]);
        const made: LogicExpr = changed ? { ...expr, children: parts.map((part) => part.expr) } : expr;
        return this.limit(made, parts, condition, place);
      }
      case 'not': {
        const child = this.expand(expr.child, condition, place, viewer, above);
        if (child === undefined) return undefined;
        return this.limit({ ...expr, child: child.expr }, [child], condition, place);
      }
      case 'macro':
        return this.reference(expr.name, expr.at, condition, place, viewer, above);
      default:
        return { expr, size: 1, depth: 1 };
    }
  }

  private reference(
    name: string,
    offset: number,
    condition: OriginText,
    place: Place,
    viewer: MacroItem | undefined,
    above: readonly string[],
  ): Resolved | undefined {
    const at = condition.locate(offset) ?? place;
    const fail = (message: string, help?: string): undefined =>
      this.report.error('LOAD_ERR_VALIDATE', message, inside(at, 'macro', name, undefined), help);
    const target = this.parsed.get(name);
    if (target === undefined) {
      if (this.broken.has(name) || this.done.has(name)) return undefined;
      const near = nearest(name, this.parsed.keys());
      return fail(
        `Undefined macro '${name}' used in filter.`,
        near === undefined ? undefined : `did you mean '${near}'?`,
      );
    }
    if (above.includes(name)) return fail(`reference loop in macro '${name}'`);
    if (above.length > MAX_NESTING) return fail('macros refer to each other too deeply');
    if (viewer !== undefined && !isVisible(target.item, viewer)) {
      const help = `'${name}' is defined after '${viewer.name}': a macro sees only those before it`;
      return fail(`Undefined macro '${name}' used in filter.`, help);
    }
    this.used.add(name);
    const body = this.macro(name, above);
    if (body === undefined) return undefined;
    const expr: Expr = { kind: 'macro', name, at: offset, body: body.expr };
    return this.limit(expr, [body], condition, at);
  }

  private limit(
    expr: Expr,
    parts: readonly Resolved[],
    condition: OriginText,
    place: Place,
  ): Resolved | undefined {
    const size = parts.reduce((sum, part) => sum + part.size, 1);
    const depth = 1 + Math.max(...parts.map((part) => part.depth));
    if (size <= MAX_SIZE && depth <= MAX_DEPTH) return { expr, size, depth };
    const message = 'the condition is too large once its macros are put in';
    return this.report.error('LOAD_ERR_VALIDATE', message, condition.locate(expr.at) ?? place);
  }
}

/** Within a file as in Falco: what was first defined before the viewer's last change. Across files: everything. */
function isVisible(target: MacroItem, viewer: MacroItem): boolean {
  return target.index < viewer.visibility || target.place.file !== viewer.place.file;
}
