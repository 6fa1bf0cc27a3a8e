/** The `exceptions:` of a rule: reading, checking, and turning them into condition text. */
import { fromBytes, toBytes } from '../lang/bytes.ts';
import { isListOp, parseOperator } from '../lang/operators.ts';
import type { Entry, Exception, ExceptionValue } from './items.ts';
import type { EntryReader } from './reader.ts';
import type { Report } from './report.ts';
import { inside, type Place } from './source.ts';
import { OriginText } from './text.ts';
import { isMap, isNull, isSeq, startOf, textOf, type YamlNode } from './yaml.ts';

const MAX_ENTRY_DEPTH = 4;

/** Reads `exceptions`; `appending` allows entries without fields. Undefined after an error. */
export function readExceptions(entry: EntryReader, appending: boolean): Exception[] | undefined {
  const node = entry.map.get('exceptions');
  if (!entry.map.has('exceptions') || isNull(node)) return [];
  const place = inside(entry.place, 'exceptions', '', startOf(node));
  const elements = entry.elements(node);
  if (elements === undefined) return entry.fail('Rule exceptions must be a sequence', place);
  const out: Exception[] = [];
  for (const element of elements) {
    const exception = readException(entry, element, appending, place);
    if (exception === undefined) continue;
    if (out.some((other) => other.name === exception.name)) {
      entry.report.warning(
        'LOAD_EXCEPTION_NAME_NOT_UNIQUE',
        `Multiple definitions of exception '${exception.name}' in the same rule`,
        exception.place,
      );
    }
    out.push(exception);
  }
  return entry.ok ? out : undefined;
}

function readException(
  entry: EntryReader,
  node: YamlNode,
  appending: boolean,
  parent: Place,
): Exception | undefined {
  const unnamed = entry.child(node, inside(parent, 'exception', '', startOf(node)));
  if (unnamed === undefined) {
    return entry.fail('Rule exception must be a mapping', inside(parent, 'exception', '', startOf(node)));
  }
  const name = unnamed.required('name');
  if (name === undefined) {
    entry.absorb(unnamed);
    return undefined;
  }
  const reader = unnamed.named(inside(parent, 'exception', name, startOf(node)));
  reader.checkKeys(['name', 'fields', 'comps', 'values']);
  if (!appending && !reader.map.has('fields')) reader.fail("Item has no mapping for key 'fields'");
  const fields = readEntry(reader, reader.map.get('fields'), reader.at('fields'), 0);
  const comps = readEntry(reader, reader.map.get('comps'), reader.at('comps'), 0);
  const values = readValues(reader, appending);
  entry.absorb(reader);
  if (!reader.ok || values === undefined) return undefined;
  return { name, place: reader.place, fields, comps, values };
}

function readValues(reader: EntryReader, appending: boolean): ExceptionValue[] | undefined {
  if (!reader.map.has('values')) {
    if (appending) {
      reader.report.warning(
        'LOAD_APPEND_NO_VALUES',
        'Overriding/appending exception with no values',
        reader.place,
      );
    }
    return [];
  }
  const node = reader.map.get('values');
  const place = inside(reader.place, 'exception values', '', startOf(node));
  const elements = reader.elements(node);
  if (elements === undefined) return reader.fail('Rule exception values must be a sequence', place);
  return elements.flatMap((element) => {
    const at = inside(place, 'exception value', '', startOf(element));
    const entry = readEntry(reader, element, at, 0);
    return entry === undefined ? [] : [{ entry, place: at }];
  });
}

function readEntry(reader: EntryReader, node: YamlNode, place: Place, depth: number): Entry | undefined {
  if (node === undefined || node === null) return undefined;
  if (depth > MAX_ENTRY_DEPTH) return reader.fail('Exception values are nested too deeply', place);
  if (isSeq(node)) {
    const items = reader
      .elements(node)!
      .map((item) => readEntry(reader, item, inside(place, 'exception', '', startOf(item)), depth + 1));
    return items.filter((item) => item !== undefined);
  }
  if (isMap(node)) return reader.fail('Value must be a scalar or a sequence', place);
  const text = textOf(node);
  if (text === undefined || text === '') return reader.fail('Value must be non-empty', place);
  return text;
}

/** Fills in default comparisons and checks the shapes; undefined after an error. */
export function checkException(
  exception: Exception,
  report: Report,
  isField: (text: string) => boolean,
): Exception | undefined {
  const fail = (message: string, help?: string): undefined =>
    report.error('LOAD_ERR_VALIDATE', message, exception.place, help);
  const { fields } = exception;
  if (!isFilled(fields)) return fail('Rule exception item must have fields property with a list of fields');
  const named = typeof fields === 'string' ? [fields] : fields;
  let comps = isFilled(exception.comps) ? exception.comps : undefined;
  if (typeof fields === 'string') {
    comps ??= 'in';
    if (typeof comps !== 'string') return fail('Fields and comps must both be strings');
    const operator = parseOperator(comps);
    if (operator === undefined || (!isListOp(operator.op) && operator.modifier === undefined)) {
      return fail(
        "When fields is a single value, comps must be one of (in, pmatch, intersects), or a string operator with 'oneof', 'anyof' or 'allof'",
      );
    }
  } else {
    comps ??= fields.map(() => '=');
    if (typeof comps === 'string' || fields.length !== comps.length) {
      return fail('Fields and comps lists must have equal length');
    }
    for (const comp of comps) {
      const known = typeof comp === 'string' && parseOperator(comp)?.op;
      if (!known || known === 'exists')
        return fail(`'${showEntry(comp)}' is not a supported comparison operator`);
    }
  }
  for (const field of named) {
    if (typeof field !== 'string' || !isField(field)) {
      return fail(`'${showEntry(field)}' is not a supported filter field`);
    }
  }
  return { ...exception, comps };
}

/** Whether an entry says anything at all. */
export function isFilled(entry: Entry | undefined): entry is Entry {
  if (entry === undefined) return false;
  return typeof entry === 'string' ? entry !== '' : entry.length > 0 && isFilled(entry[0]);
}

function showEntry(entry: Entry): string {
  return typeof entry === 'string' ? entry : `(${entry.map(showEntry).join(', ')})`;
}

/** The condition with all exceptions that have values; undefined after an error. */
export function withExceptions(
  condition: OriginText,
  exceptions: readonly Exception[],
  report: Report,
): { condition: OriginText; fields: string[] } | undefined {
  if (exceptions.length === 0) return { condition, fields: [] };
  const parts: (OriginText | string)[] = ['(', condition, ')'];
  const used = new Set<string>();
  let ok = true;
  for (const exception of exceptions) {
    const alternatives: (OriginText | string)[] = [];
    for (const value of exception.values) {
      const text = renderValue(exception, value, report);
      if (text === undefined) ok = false;
      else alternatives.push(OriginText.standingFor(toBytes(text), value.place));
    }
    if (!ok || alternatives.length === 0) continue;
    const { fields } = exception;
    for (const field of typeof fields === 'string' ? [fields] : (fields ?? [])) used.add(String(field));
    const scalar = typeof fields === 'string';
    parts.push(
      scalar ? ` and not (${toBytes(fields)} ${toBytes(String(exception.comps).trim())} (` : ' and not (',
    );
    for (const [i, text] of alternatives.entries()) parts.push(i === 0 ? '' : scalar ? ', ' : ' or ', text);
    parts.push(scalar ? '))' : ')');
  }
  return ok ? { condition: OriginText.join(parts), fields: [...used] } : undefined;
}

function renderValue(exception: Exception, value: ExceptionValue, report: Report): string | undefined {
  const { fields, comps } = exception;
  const { entry } = value;
  if (typeof fields === 'string') {
    if (typeof entry === 'string') return quoteItem(entry);
    return report.error(
      'LOAD_ERR_VALIDATE',
      'Expected values array to contain a list of strings',
      value.place,
    );
  }
  if (typeof entry === 'string' || fields === undefined || entry.length !== fields.length) {
    return report.error('LOAD_ERR_VALIDATE', 'Fields and values lists must have equal length', value.place);
  }
  const checks = entry.map((part, i) => {
    const comp = String(comps?.[i]).trim();
    if (typeof part !== 'string')
      return `${fields[i]} ${comp} (${part.map((v) => quoteItem(showEntry(v))).join(', ')})`;
    const operator = parseOperator(comp);
    const listed = operator !== undefined && (isListOp(operator.op) || operator.modifier !== undefined);
    if (!listed) return `${fields[i]} ${comp} ${quoteItem(part)}`;
    return `${fields[i]} ${comp} ${part.startsWith('(') ? part : `(${part})`}`;
  });
  return `(${checks.join(' and ')})`;
}

/** A list item as it stands in a condition. */
export function quoteItem(item: string): string {
  return item.includes(' ') && !item.startsWith('"') && !item.startsWith("'") ? `"${item}"` : item;
}

/** The names and operators of exceptions, for the description of a rule. */
export function describeExceptions(exceptions: readonly Exception[]): {
  names: string[];
  operators: string[];
} {
  const names = new Set(exceptions.map((exception) => exception.name));
  const operators = new Set(
    exceptions.flatMap(({ comps }) =>
      comps === undefined ? [] : typeof comps === 'string' ? [comps] : comps.map(showEntry),
    ),
  );
  return { names: [...names].map(fromBytes), operators: [...operators] };
}
