/** Sigma rules → rules of this language. What cannot be said is named, and the rule is left out. */
import { stringify } from 'yaml';
import { parseSigmaCondition, type SigmaExpr } from './condition.ts';
import { parseSigma, type Selection, type SigmaRule } from './document.ts';
import { LEVELS, LOG_SOURCES } from './fields.ts';
import { join, matchField, Unsupported } from './match.ts';

export interface Converted {
  readonly title: string;
  /** The rule, as the entry of a rules file; absent if it cannot be served. */
  readonly rule?: Readonly<Record<string, unknown>>;
  /** Everything that stands in the way. */
  readonly unsupported: readonly string[];
}

/** Converts every document of a Sigma file. Never throws on what it contains. */
export function convertSigma(text: string): Converted[] {
  return parseSigma(text).map((rule) =>
    typeof rule === 'string' ? { title: '?', unsupported: [rule] } : convertRule(rule),
  );
}

/** Rules as the text of a rules file. */
export function sigmaRulesFile(rules: readonly Converted[]): string {
  const entries = rules.flatMap(({ rule }) => (rule === undefined ? [] : [rule]));
  return stringify(entries, { lineWidth: 110 });
}

function convertRule(sigma: SigmaRule): Converted {
  const { product, category, service } = sigma.logsource;
  const source = category === undefined ? undefined : LOG_SOURCES[category];
  const unsupported: string[] = [];
  if (product !== undefined && product !== 'linux') unsupported.push(`the product "${product}"`);
  if (source === undefined) unsupported.push(`the log source "${category ?? service ?? '?'}"`);
  const conditions = sigma.conditions.flatMap((text) => {
    const expr = parseSigmaCondition(text);
    if (typeof expr !== 'string') return [render(expr, sigma, unsupported)];
    unsupported.push(`the condition: ${expr}`);
    return [];
  });
  const priority = LEVELS[sigma.level];
  if (priority === undefined) unsupported.push(`the level "${sigma.level}"`);
  if (unsupported.length > 0 || source === undefined) {
    return { title: sigma.title, unsupported: [...new Set(unsupported)] };
  }
  // The licence of Sigma rules asks that their author travels with what they raise.
  const credit = [sigma.id && `sigma=${sigma.id}`, sigma.author && `author=${sigma.author}`]
    .filter(Boolean)
    .join(' ');
  return {
    title: sigma.title,
    unsupported: [],
    rule: {
      rule: sigma.title,
      desc: sigma.description,
      condition: `${source.condition} and ${join(conditions, 'or')}`,
      output: `${sigma.title} (${[source.output, credit].filter(Boolean).join(' ')})`.replace(
        /%(?![a-z]+\.[a-z])/g,
        '',
      ),
      priority,
      tags: sigma.tags.flatMap(tag),
    },
  };
}

/** attack.t1059.004 → T1059.004; attack.privilege-escalation → mitre_privilege_escalation; others as they are. */
function tag(text: string): string[] {
  const [, attack] = /^attack\.(.+)$/.exec(text.toLowerCase()) ?? [];
  if (attack === undefined) return [text];
  return [/^t\d/.test(attack) ? attack.toUpperCase() : `mitre_${attack.replace(/-/g, '_')}`];
}

function render(expr: SigmaExpr, sigma: SigmaRule, unsupported: string[]): string {
  const selection = (name: string): string => selectionText(sigma.selections.get(name) ?? [], unsupported);
  switch (expr.kind) {
    case 'name':
      if (!sigma.selections.has(expr.name)) unsupported.push(`the unknown selection "${expr.name}"`);
      return selection(expr.name);
    case 'of': {
      const names = [...sigma.selections.keys()].filter((name) => matches(name, expr.pattern));
      if (names.length === 0) unsupported.push(`"of ${expr.pattern}", which names no selection`);
      return join(names.map(selection), expr.all ? 'and' : 'or');
    }
    case 'not':
      return `not (${render(expr.child, sigma, unsupported)})`;
    default:
      return join(
        expr.children.map((child) => render(child, sigma, unsupported)),
        expr.kind,
      );
  }
}

/** `them` is every selection whose name does not begin with an underscore. */
function matches(name: string, pattern: string): boolean {
  if (pattern === 'them') return !name.startsWith('_');
  return pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern;
}

function selectionText(alternatives: readonly (Selection | 'keywords')[], unsupported: string[]): string {
  const parts = alternatives.map((alternative) => {
    if (alternative === 'keywords') {
      unsupported.push('keywords without a field');
      return '';
    }
    const fields = [...alternative].map(([key, values]) => {
      try {
        return matchField(key, values);
      } catch (error) {
        if (!(error instanceof Unsupported)) throw error;
        unsupported.push(error.message);
        return '';
      }
    });
    return join(fields, 'and');
  });
  return parts.length === 0 ? '' : join(parts, 'or');
}
