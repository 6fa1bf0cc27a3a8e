import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { configSchema } from '../src/engine/config/config.ts';
import type { Schema } from '../src/engine/core/check-schema.ts';
import { EXITS } from '../src/engine/core/diagnostic.ts';
import { ERRORS } from '../src/engine/core/errors.ts';
import { METRICS } from '../src/engine/core/metrics.ts';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { LANGUAGE } from '../src/engine/ruleset.ts';
import { AUDIT_SCHEMA } from '../src/outputs/audit/config.ts';
import { outputSchema } from '../src/outputs/options.ts';
import { OUTPUT_TYPES, outputsSchema } from '../src/outputs/registry.ts';
import type { FieldHelp } from '../src/rules/explain.ts';
import { CODE_HELP, fieldHelp, OPERATORS } from '../src/rules/index.ts';
import { EVENTS } from '../src/sensors/events/events.ts';

// Writes docs/reference/*.md from the tables; `--check` only says whether they are as the tables want them.

const cell = (text: string): string =>
  text.replaceAll('|', '\\|').replaceAll('\n', ' ').replaceAll('<', '&lt;');
const code = (text: string): string => (text === '' ? '' : `\`${text.replaceAll('|', '\\|')}\``);

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(header), line(header.map(() => '---')), ...rows.map(line)].join('\n');
}

const page = (title: string, intro: string, ...parts: readonly string[]): string =>
  `# ${title}\n\n<!-- Written by scripts/docs.ts: change the table that it names, not this page. -->\n\n${intro}\n\n${parts.join('\n\n')}\n`;

/** Fields by the part of their name before the first dot. */
function groupsOf(rows: readonly FieldHelp[]): Map<string, FieldHelp[]> {
  const groups = new Map<string, FieldHelp[]>();
  for (const row of rows) {
    const group = row.name.split('.')[0] ?? '';
    groups.set(group, [...(groups.get(group) ?? []), row]);
  }
  return groups;
}

function fields(): string {
  const groups = groupsOf(LANGUAGE.fields.specs.map(fieldHelp));
  const parts = [...groups].map(([group, rows]) => {
    const lines = rows.map((field) => [
      field.forms.map(code).join(' '),
      field.type,
      cell([field.doc, ...field.notes.map((note) => `(${note})`)].join(' ')),
    ]);
    return `## ${group}\n\n${table(['field', 'type', 'meaning'], lines)}`;
  });
  return page('Fields', 'What conditions and outputs can name. Table: `src/rules/fields/`.', ...parts);
}

function events(): string {
  const specific = EVENTS.filter((def) => def.specific);
  const rows = specific.map((def) => [
    code(def.name),
    def.category,
    cell(def.doc),
    def.params.map((param) => code(param.name)).join(' '),
  ]);
  const bare = EVENTS.filter((def) => !def.specific).map((def) => code(def.name));
  return page(
    'Events',
    'Values of `evt.type`; parameters are read as `evt.arg.NAME`. Table: `src/sensors/events/`.',
    table(['event', 'category', 'meaning', 'parameters'], rows),
    `## Without parameters of their own\n\n${bare.join(' ')}`,
  );
}

function operators(): string {
  const rows = OPERATORS.map((info) => [
    code(info.name),
    info.classes.join(', '),
    cell(info.doc),
    code(info.example),
  ]);
  return page(
    'Operators',
    'Table: `src/rules/lang/operators.ts`.',
    table(['operator', 'left side', 'meaning', 'example'], rows),
  );
}

function errors(): string {
  const language = CODE_HELP.map((row) => [
    code(row.code),
    cell(row.title),
    cell(row.cause),
    cell(row.remedy),
  ]);
  const own = Object.entries(ERRORS).map(([name, row]) => [
    code(name),
    cell(row.title),
    cell(row.cause),
    cell(row.remedy),
  ]);
  const header = ['code', 'title', 'cause', 'remedy'];
  return page(
    'Codes of errors and warnings',
    '`ringfence explain CODE` says the same. Tables: `src/rules/explain.ts` and `src/engine/core/errors.ts`.',
    `## Rules files\n\n${table(header, language)}`,
    `## Everything else\n\n${table(header, own)}`,
  );
}

function metrics(): string {
  const rows = Object.values(METRICS).map((spec) => [
    code(spec.name),
    spec.type,
    spec.labels.map(code).join(' '),
    cell(spec.help),
  ]);
  return page(
    'Metrics',
    'Prometheus text at `/metrics`. Table: `src/engine/core/metrics.ts`.',
    table(['metric', 'type', 'labels', 'meaning'], rows),
  );
}

function options(schema: Schema, path: string): string[][] {
  return Object.entries(schema.properties ?? {}).flatMap(([name, inner]) => {
    const full = path === '' ? name : `${path}.${name}`;
    if (inner.type === 'object' && inner.properties) return options(inner, full);
    const kind = inner.enum ? inner.enum.map(String).join(' \\| ') : (inner.type ?? 'any');
    const value = inner.default === undefined ? '' : code(JSON.stringify(inner.default));
    const needed = path === '' && schema.required?.includes(name);
    return [[code(full), kind, needed ? 'must be set' : value, cell(inner.description ?? '')]];
  });
}

/** Rows that nearly all outputs have, as most of them have them; the others say what is different there. */
function sharedRows(): string[][] {
  const all = OUTPUT_TYPES.map((kind) => options(outputSchema(kind), '').map((row) => row.join('\u0000')));
  const names = new Map<string, string[]>();
  for (const row of all.flat()) {
    const name = row.split('\u0000')[0]!;
    names.set(name, [...(names.get(name) ?? []), row]);
  }
  return [...names.values()]
    .filter((rows) => rows.length >= OUTPUT_TYPES.length - 1)
    .map((rows) => {
      const times = (row: string): number => rows.filter((other) => other === row).length;
      return rows.reduce((best, row) => (times(row) > times(best) ? row : best)).split('\u0000');
    });
}

function config(): string {
  const header = ['option', 'values', 'default', 'meaning'];
  const { outputs: _, ...core } = configSchema(outputsSchema()).properties ?? {};
  const shared = sharedRows();
  const known = new Set(shared.map((row) => row.join()));
  const parts = OUTPUT_TYPES.map((kind) => {
    const own = options(outputSchema(kind), '').filter((row) => !known.has(row.join()));
    return `## outputs: ${kind.type}\n\n${kind.title}\n\n${table(header, own)}`;
  });
  return page(
    'Configuration',
    'Lowest first: built in, `/usr/lib/ringfence/config.yaml`, `/etc/ringfence/config.yaml` (or `-c FILE`), `config.d/*.yaml` beside it, environment (`RINGFENCE__LOG__LEVEL`), flags. Maps merge, lists and values replace. Times are written `500ms`, `10s`, `5m`, `1h`, `7d`; options that end in `_ms` and `_bytes` are numbers. `ringfence config print --origin` says what is in force, `ringfence explain OPTION` what one means. Table: `src/engine/config/options.ts`.',
    table(header, options({ properties: core }, '')),
    `## outputs: all kinds\n\nOptions of every output; the tables below have what an output has besides, or with another default.\n\n${table(header, shared)}`,
    ...parts,
    `## outputs: audit\n\nThe audit store: [audit.md](../audit.md).\n\n${table(header, options(AUDIT_SCHEMA, ''))}`,
  );
}

function exitCodes(): string {
  const rows = Object.values(EXITS).map(({ code, meaning }) => [String(code), meaning]);
  return page('Exit codes', 'Table: `src/engine/core/diagnostic.ts`.', table(['code', 'meaning'], rows));
}

const pages: Readonly<Record<string, () => string>> = {
  fields,
  events,
  operators,
  errors,
  metrics,
  config,
  'exit-codes': exitCodes,
};
const folder = join(PACKAGE_ROOT, 'docs/reference');
const check = process.argv.includes('--check');
mkdirSync(folder, { recursive: true });
for (const [name, render] of Object.entries(pages)) {
  const file = join(folder, `${name}.md`);
  const text = render();
  let old = '';
  try {
    old = readFileSync(file, 'utf8');
  } catch {
    // Not written yet.
  }
  if (old === text) continue;
  if (check) {
    process.stderr.write(`docs/reference/${name}.md is out of date: npm run build && npm run docs\n`);
    process.exitCode = 1;
  } else writeFileSync(file, text);
}
