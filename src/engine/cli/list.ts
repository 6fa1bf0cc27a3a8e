import { CODE_HELP, fieldHelp, OPERATORS } from '../../rules/index.ts';
import { EVENTS } from '../../sensors/events/events.ts';
import { ERRORS } from '../core/errors.ts';
import { METRICS } from '../core/metrics.ts';
import { LANGUAGE } from '../ruleset.ts';
import { act, type CommandSpec } from './command.ts';
import { printJson, printTable } from './output.ts';

interface Listing {
  readonly doc: string;
  readonly header: readonly string[];
  readonly rows: () => Promise<readonly object[]> | readonly object[];
  readonly cells: (row: never) => readonly string[];
}

const listing = <T extends object>(
  doc: string,
  header: readonly string[],
  rows: () => Promise<readonly T[]> | readonly T[],
  cells: (row: T) => readonly string[],
): Listing => ({ doc, header, rows, cells: cells as Listing['cells'] });

/** Everything that has a table. */
const LISTINGS: Readonly<Record<string, Listing>> = {
  fields: listing(
    'fields of conditions and outputs',
    ['FIELD', 'TYPE', 'DESCRIPTION'],
    () => LANGUAGE.fields.specs.map(fieldHelp),
    (field) => [field.forms.join(', '), field.type, field.doc],
  ),
  events: listing(
    'events (evt.type)',
    ['EVENT', 'CATEGORY', 'PARAMETERS', 'DESCRIPTION'],
    () =>
      EVENTS.map(({ name, category, doc, syscalls, params, specific }) => ({
        name,
        category,
        doc,
        syscalls,
        specific,
        params: params.map(({ name: param, type }) => ({ name: param, type })),
      })),
    (event) => [event.name, event.category, event.params.map((param) => param.name).join(' '), event.doc],
  ),
  operators: listing(
    'operators of conditions',
    ['OPERATOR', 'ON', 'DESCRIPTION'],
    () => OPERATORS,
    (operator) => [operator.name, operator.classes.join(' '), `${operator.doc} (${operator.example})`],
  ),
  outputs: listing(
    'kinds of outputs',
    ['OUTPUT', 'DESCRIPTION'],
    async () => {
      const { OUTPUT_TYPES } = await import('../../outputs/registry.ts');
      return OUTPUT_TYPES.map(({ type, title }) => ({ name: type, doc: title }));
    },
    (output) => [output.name, output.doc],
  ),
  metrics: listing(
    'metrics',
    ['METRIC', 'TYPE', 'LABELS', 'DESCRIPTION'],
    () => Object.values(METRICS),
    (metric) => [metric.name, metric.type, metric.labels.join(' '), metric.help],
  ),
  errors: listing(
    'codes of errors and warnings',
    ['CODE', 'TITLE', 'CAUSE'],
    () => [
      ...CODE_HELP.map(({ code, title, cause, remedy }) => ({ code, title, cause, remedy })),
      ...Object.entries(ERRORS).map(([code, error]) => ({ code, ...error })),
    ],
    (error) => [error.code, error.title, error.cause],
  ),
};

export const command: CommandSpec = {
  examples: [
    ['ringfence list fields', 'every field a rule may use'],
    ['ringfence list events --json', 'every event, with its parameters'],
  ],
  configure(command) {
    for (const [name, { doc, header, rows, cells }] of Object.entries(LISTINGS)) {
      command
        .command(name)
        .description(doc)
        .option('--json', 'one JSON object')
        .action(
          act(async (options: { json?: boolean }) => {
            const all = await rows();
            if (options.json) printJson({ schema: `ringfence.${name}.v1`, [name]: all });
            else
              printTable(
                header,
                all.map((row) => cells(row as never)),
              );
            return 0;
          }),
        );
    }
  },
};
