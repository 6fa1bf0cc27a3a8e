/** Sigma documents: what a rule file of that format says, before it means anything here. */
import { parseAllDocuments } from 'yaml';

export type SigmaValue = string | number | boolean | null;
/** Field (with modifiers) to values; several values are alternatives unless `all` says otherwise. */
export type Selection = ReadonlyMap<string, readonly SigmaValue[]>;

export interface SigmaRule {
  readonly title: string;
  readonly id: string | undefined;
  readonly description: string;
  readonly author: string | undefined;
  readonly level: string;
  readonly tags: readonly string[];
  readonly logsource: { readonly product?: string; readonly category?: string; readonly service?: string };
  /** Selections by name: alternatives of maps, or bare keywords. */
  readonly selections: ReadonlyMap<string, readonly (Selection | 'keywords')[]>;
  readonly conditions: readonly string[];
}

/** Reads the rules of a file; documents that are no rules come back as a text that says why. */
export function parseSigma(text: string): (SigmaRule | string)[] {
  return parseAllDocuments(text).map((document) => {
    const error = 'errors' in document ? document.errors[0] : undefined;
    if (error) return error.message.split('\n')[0]!;
    try {
      return ruleOf(document.toJS({ maxAliasCount: 100 }));
    } catch (cause) {
      // Aliases that lead nowhere, or to too much, show up only here.
      return (cause as Error).message;
    }
  });
}

function ruleOf(value: unknown): SigmaRule | string {
  if (!isMap(value)) return 'expected a mapping';
  const { title, detection, logsource } = value;
  if (typeof title !== 'string') return 'a Sigma rule needs a title';
  if ('correlation' in value) return 'correlations are not supported';
  if (!isMap(detection)) return 'a Sigma rule needs a detection';
  const { condition, timeframe, ...selections } = detection;
  if (timeframe !== undefined) return 'timeframe is not supported';
  if (condition === undefined) return 'the detection needs a condition';
  return {
    title,
    id: text(value.id),
    description: text(value.description) ?? title,
    author: text(value.author),
    level: text(value.level) ?? 'medium',
    tags: Array.isArray(value.tags) ? value.tags.map(String) : [],
    logsource: isMap(logsource) ? (logsource as SigmaRule['logsource']) : {},
    selections: new Map(Object.entries(selections).map(([name, body]) => [name, alternatives(body)])),
    conditions: (Array.isArray(condition) ? condition : [condition]).map(String),
  };
}

function alternatives(body: unknown): (Selection | 'keywords')[] {
  if (Array.isArray(body)) return body.flatMap((item) => alternatives(item));
  if (!isMap(body)) return ['keywords'];
  const entries = Object.entries(body).map(([field, values]): [string, SigmaValue[]] => [
    field,
    (Array.isArray(values) ? values : [values]) as SigmaValue[],
  ]);
  return [new Map(entries)];
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
}
