/** The output of a rule: its text with what the configuration appends to it. */
import type { FieldValue } from '../../engine/core/alert.ts';
import {
  compileFormat,
  type FormatContext,
  type FormatFault,
  type OutputFormat,
  type Rendered,
} from '../output/format.ts';
import type { RuleItem } from './items.ts';

/** One entry of `append_output`. Absent match parts match every rule. */
export interface AppendOutput {
  readonly match?: { readonly rule?: string; readonly source?: string; readonly tags?: readonly string[] };
  readonly extraOutput?: string;
  /** A field name, which keeps its type, or a key with a format. */
  readonly extraFields?: readonly (string | { readonly key: string; readonly format: string })[];
  readonly suggestedOutput?: boolean;
}

export interface RuleOutput<E> {
  readonly text: string;
  /** The message's format; what it reads, and whether that is late, includes the fields beside the message. */
  readonly format: OutputFormat<E>;
  readonly render: (event: E) => Rendered;
}

interface Extra<E> {
  readonly key: string | undefined;
  readonly format: OutputFormat<E>;
}

export const CONTAINER_INFO = '%container.info';

/** Compiles the output of a rule. */
export function compileOutput<E>(
  rule: Pick<RuleItem, 'name' | 'source' | 'tags' | 'output'>,
  appended: readonly AppendOutput[],
  context: FormatContext<E>,
): RuleOutput<E> | { readonly faults: readonly FormatFault[] } {
  const applying = appended.filter((entry) => applies(entry, rule));
  const additions = applying.flatMap((entry) => [
    ...(entry.extraOutput === undefined || entry.extraOutput === '' ? [] : [entry.extraOutput]),
    ...(entry.suggestedOutput === true ? suggested(context) : []),
  ]);
  const text = [rule.output.replaceAll(CONTAINER_INFO, ''), ...additions].join(' ');
  const main = compileFormat(text, context);
  const extras: Extra<E>[] = [];
  const faults: FormatFault[] = 'faults' in main ? [...main.faults] : [];
  for (const extra of applying.flatMap((entry) => entry.extraFields ?? [])) {
    const raw = typeof extra === 'string';
    const compiled = compileFormat(raw ? `%${extra.replace(/^%/, '')}` : extra.format, context);
    if ('faults' in compiled) faults.push(...compiled.faults);
    else extras.push({ key: raw ? undefined : extra.key, format: compiled.format });
  }
  if (faults.length > 0 || 'faults' in main) return { faults };
  const { format } = main;
  if (extras.length === 0) return { text, format, render: (event) => format.render(event)! };
  const all = [format, ...extras.map((extra) => extra.format)];
  return {
    text,
    format: {
      ...format,
      allNames: [...new Set(all.flatMap(({ allNames }) => allNames))],
      reads: new Set(all.flatMap(({ reads }) => [...reads])),
      late: all.some(({ late }) => late),
    },
    render: (event) => renderWith(format, extras, event),
  };
}

function renderWith<E>(format: OutputFormat<E>, extras: readonly Extra<E>[], event: E): Rendered {
  const rendered = format.render(event)!;
  const fields: Record<string, FieldValue> = rendered.fields;
  for (const extra of extras) {
    const part = extra.format.render(event)!;
    if (extra.key === undefined) Object.assign(fields, part.fields);
    else fields[extra.key] = part.message;
  }
  return { message: rendered.message, fields };
}

function applies(entry: AppendOutput, rule: Pick<RuleItem, 'name' | 'source' | 'tags'>): boolean {
  const { rule: name, source, tags } = entry.match ?? {};
  if (name !== undefined && name !== '' && name !== rule.name) return false;
  if (source !== undefined && source !== '' && source !== rule.source) return false;
  return (tags ?? []).every((tag) => rule.tags.has(tag));
}

function suggested<E>(context: FormatContext<E>): string[] {
  const fields = context.fields.specs.filter((spec) => spec.suggested === true);
  return fields.map((spec) => `${spec.name.replaceAll('.', '_')}=%${spec.name}`);
}
