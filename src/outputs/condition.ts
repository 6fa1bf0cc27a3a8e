import type { Alert, FieldValue } from '../engine/core/alert.ts';
import { AppError, EXIT } from '../engine/core/diagnostic.ts';
import { PRIORITIES } from '../engine/core/priority.ts';
import { compileCondition, type EventNames, type FieldSpec, FieldTable, toBytes } from '../rules/index.ts';
import type { AlertPredicate } from './filter.ts';

const textField = (name: string, doc: string, get: (alert: Alert) => string): FieldSpec<Alert> => ({
  name: `alert.${name}`,
  type: 'string',
  doc,
  get: (alert) => toBytes(get(alert)),
});

/** The families of fields that a rule can print; an alert carries what its rule prints, as text. */
const FAMILIES = ['evt', 'proc', 'thread', 'user', 'group', 'fd', 'fs', 'container', 'k8s'];

/** What a condition of an output can ask of an alert. */
export const ALERT_FIELDS: readonly FieldSpec<Alert>[] = [
  textField('rule', 'Name of the rule.', (alert) => alert.rule),
  textField('priority', 'Priority by name, `Warning`.', (alert) => PRIORITIES[alert.priority]),
  {
    name: 'alert.severity',
    type: 'uint',
    doc: 'Priority by number: 0 = Emergency, 7 = Debug.',
    get: (alert) => alert.priority,
  },
  textField('source', 'Event source, `syscall` or `internal`.', (alert) => alert.source),
  {
    name: 'alert.tags',
    type: 'string',
    list: true,
    doc: 'Tags of the rule.',
    get: (alert) => alert.tags.map(toBytes),
  },
  textField('host', 'Name of the host.', (alert) => alert.hostname),
  textField('guarantee', 'denied, killed, would_deny or observed.', (alert) => alert.guarantee),
  textField('tier', 'The kernel mechanism that saw it.', (alert) => alert.tier),
  textField('message', "The rule's output.", (alert) => alert.message),
  ...FAMILIES.map(
    (family): FieldSpec<Alert> => ({
      name: family,
      type: 'string',
      doc: `A field ${family}.* that the rule prints, as text; missing if it does not print it.`,
      suffix: { doc: 'any field without an argument in brackets', accepts: () => true },
      get: (alert, suffix) => textOf(alert.fields[`${family}.${suffix}`]),
    }),
  ),
];

function textOf(value: FieldValue | undefined): string | undefined {
  if (value === null || value === undefined) return undefined;
  return toBytes(Array.isArray(value) ? `(${value.join(',')})` : String(value));
}

/** An alert has passed the rules: here the name of its event is a text like others. */
const NO_EVENTS: EventNames = { names: [], code: () => undefined };

/** The predicate of an output's condition; throws an AppError that shows the place if it is wrong. */
export function compileAlertCondition(text: string): AlertPredicate {
  const result = compileCondition(text, { fields: new FieldTable(ALERT_FIELDS), events: NO_EVENTS });
  if (result.ok) return result.test;
  const [first] = result.diagnostics;
  const where = first?.snippet === undefined ? '' : `\n${first.snippet}`;
  throw new AppError('E_OUTPUT_CONDITION', `filter.condition: ${first?.message ?? 'is wrong'}${where}`, {
    exitCode: EXIT.invalid,
    ...(first?.help === undefined ? {} : { help: first.help }),
  });
}
