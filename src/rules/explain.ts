/** `explain NAME`: fields, operators, transformers, rules and diagnostic codes as data. */

import { nearestOf } from '../engine/core/nearest.ts';
import { typeClass } from './check/classes.ts';
import type { FieldSpec } from './field-spec.ts';
import type { FieldTable } from './field-table.ts';
import { MODIFIER_DOCS, OPERATORS, type OperatorInfo, operatorInfo } from './lang/operators.ts';
import { TRANSFORMER_DOCS } from './lang/transformers.ts';
import { KEY_DOCS } from './load/key-docs.ts';
import { ERROR_CODES, WARNING_CODES } from './load/report.ts';

export interface CodeHelp {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly title: string;
  readonly cause: string;
  readonly remedy: string;
}

const CAUSES: Readonly<Record<string, readonly [cause: string, remedy: string]>> = {
  LOAD_ERR_FILE_READ: [
    'The file could not be read.',
    'Check that it exists and that the engine may read it.',
  ],
  LOAD_ERR_YAML_PARSE: [
    'The file is not YAML.',
    'Look at the marked place: indentation, a missing quote, a tab.',
  ],
  LOAD_ERR_YAML_VALIDATE: [
    'An entry lacks a key, or a value is of another shape than expected: a text where a list belongs, an empty value, an unknown priority.',
    'Compare the entry with docs/rule-language.md.',
  ],
  LOAD_ERR_COMPILE_CONDITION: [
    'A condition has a syntax error, names a field or event that does not exist, uses an operator that does not fit the field, or a constant that does not convert.',
    'The message says which; `ringfence list fields` and `ringfence explain FIELD` show what there is.',
  ],
  LOAD_ERR_COMPILE_OUTPUT: [
    'An output names a field that does not exist or cannot be printed, or has a stray %.',
    'Write %field; a percent sign by itself cannot be printed.',
  ],
  LOAD_ERR_VALIDATE: [
    'Entries do not fit together: an undefined macro, an append to something that is not there, an exception whose fields, comps and values differ in number, a version that is not available.',
    'Mend the entry that is named; a macro sees only macros that stand before it in its file.',
  ],
  LOAD_ERR_EXTENSION: ['An extension refused an entry.', 'See the message of the extension.'],
  LOAD_UNKNOWN_SOURCE: [
    'The rule is for an event source that this engine does not have. The rule is not loaded.',
    'Remove the rule, or ignore the warning.',
  ],
  LOAD_UNSAFE_NA_CHECK: ['A field is compared with the text <NA>.', 'Use `exists`, or `not FIELD exists`.'],
  LOAD_NO_EVTTYPE: [
    'The condition can match more than a hundred event types, so it is evaluated for nearly every event.',
    'Begin it with evt.type = ... or evt.type in (...); repeat that in every branch of an or.',
  ],
  LOAD_UNKNOWN_FILTER: [
    'The rule names a field or event that this engine does not have, and says that it may be skipped then.',
    'The rule is not loaded. Update the engine or the rule.',
  ],
  LOAD_UNUSED_MACRO: [
    'No rule or macro refers to this macro.',
    'Remove it, or check its name where it is meant.',
  ],
  LOAD_UNUSED_LIST: [
    'No rule, macro or list refers to this list.',
    'Remove it, or check its name where it is meant.',
  ],
  LOAD_UNKNOWN_ITEM: [
    'An entry is neither rule, macro, list nor a version requirement.',
    'Look for a typing error in its first key.',
  ],
  LOAD_UNKNOWN_KEY: [
    'An entry has a key that it does not know. The key has no effect.',
    'Look for a typing error.',
  ],
  LOAD_DEPRECATED_ITEM: [
    'Something is used that will go away or means nothing any more.',
    'The message names the replacement.',
  ],
  LOAD_WARNING_EXTENSION: ['An extension has a remark.', 'See the message of the extension.'],
  LOAD_APPEND_NO_VALUES: [
    'An exception is appended without values: nothing changes.',
    'Is `values` misspelt?',
  ],
  LOAD_EXCEPTION_NAME_NOT_UNIQUE: [
    'Two exceptions of a rule have one name; later appends reach only the first.',
    'Give them different names.',
  ],
  LOAD_INVALID_MACRO_NAME: [
    'A macro of this name cannot be referred to.',
    'Use letters, digits and underscores, a letter first.',
  ],
  LOAD_INVALID_LIST_NAME: [
    'A list of this name may not be found in conditions.',
    'Use no blanks, quotes, parentheses, commas or equal signs.',
  ],
  LOAD_COMPILE_CONDITION: [
    'A condition is legal, but probably not meant, or slower than need be.',
    'See the message.',
  ],
  LOAD_DUPLICATE_KEY: ['A key stands twice in one entry; only the first counts.', 'Remove one.'],
};

/** All diagnostic codes with cause and remedy. */
export const CODE_HELP: readonly CodeHelp[] = [
  ...Object.entries(ERROR_CODES).map(([code, title]) => codeHelp(code, 'error', title)),
  ...Object.entries(WARNING_CODES).map(([code, title]) => codeHelp(code, 'warning', title)),
];

function codeHelp(code: string, severity: CodeHelp['severity'], title: string): CodeHelp {
  const [cause, remedy] = CAUSES[code] ?? [title, ''];
  return { code, severity, title, cause, remedy };
}

export type Explanation =
  | { readonly kind: 'field'; readonly field: FieldHelp }
  | { readonly kind: 'operator'; readonly operator: OperatorInfo }
  | { readonly kind: 'word'; readonly name: string; readonly doc: string }
  | { readonly kind: 'code'; readonly code: CodeHelp };

export interface FieldHelp {
  readonly name: string;
  readonly type: string;
  readonly doc: string;
  /** How it is written, with argument or suffix. */
  readonly forms: readonly string[];
  readonly operators: readonly string[];
  readonly notes: readonly string[];
  readonly events: readonly string[] | 'all';
}

/** Explains a field (with or without argument), operator, transformer, modifier, key of a rules file or code. */
export function explain<E>(
  name: string,
  fields: FieldTable<E>,
): Explanation | { readonly suggestions: readonly string[] } {
  const code = CODE_HELP.find((entry) => entry.code === name.toUpperCase());
  if (code !== undefined) return { kind: 'code', code };
  const operator = operatorInfo(name);
  if (operator !== undefined) return { kind: 'operator', operator };
  const words: Readonly<Record<string, string>> = { ...KEY_DOCS, ...TRANSFORMER_DOCS, ...MODIFIER_DOCS };
  if (Object.hasOwn(words, name)) return { kind: 'word', name, doc: words[name]! };
  const [, bare = name] = /^%?([^[]+)/.exec(name) ?? [];
  const found = fields.get(bare) ?? lookupSpec(bare, fields);
  if (found !== undefined) return { kind: 'field', field: fieldHelp(found) };
  const names = [
    ...fields.specs.map((spec) => spec.name),
    ...OPERATORS.map((info) => info.name),
    ...Object.keys(words),
    ...CODE_HELP.map((entry) => entry.code),
  ];
  return { suggestions: nearestOf(name, names, 5) };
}

function lookupSpec<E>(name: string, fields: FieldTable<E>): FieldSpec<E> | undefined {
  const found = fields.lookup(name, undefined);
  return found.ok ? found.ref.spec : undefined;
}

/** What there is to say about a field; documentation is made of this too. */
export function fieldHelp<E>(spec: FieldSpec<E>): FieldHelp {
  const arg = { none: '', index: '[N]', key: '[KEY]', either: '[N or KEY]' }[spec.arg ?? 'none'];
  const needs = spec.argRequired === true || (spec.suffix !== undefined && arg === '');
  const forms = [
    needs ? '' : spec.name,
    arg === '' ? '' : `${spec.name}${arg}`,
    spec.suffix === undefined ? '' : `${spec.name}.NAME`,
  ];
  const cls = spec.list === true ? 'list' : typeClass(spec.type);
  return {
    name: spec.name,
    type: spec.list === true ? `list of ${spec.type}` : spec.type,
    doc: spec.doc,
    forms: forms.filter((form) => form !== ''),
    operators: OPERATORS.filter((info) => info.classes.includes(cls)).map((info) => info.name),
    notes: notesOf(spec),
    events: spec.events ?? 'all',
  };
}

function notesOf<E>(spec: FieldSpec<E>): string[] {
  return [
    spec.any === undefined ? '' : 'ranges over several values: a check holds if one of them satisfies it',
    spec.any?.notEqual === 'every' ? '!= holds only if all of them differ' : '',
    spec.any?.notEqual === 'some' ? '!= holds as soon as one differs: write `not FIELD = x` for none' : '',
    spec.filterOnly === true ? 'in conditions only' : '',
    spec.printOnly === true ? 'in outputs only' : '',
    spec.noRhs === true ? 'not on the right side of a comparison' : '',
    spec.noTransformer === true ? 'not in transformers' : '',
    spec.late === true ? 'may be missing shortly after a container started' : '',
    spec.deprecated === true ? 'deprecated' : '',
  ].filter((note) => note !== '');
}
