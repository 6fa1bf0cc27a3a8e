import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeRules } from '../describe.ts';
import type { TestEvent } from '../testing/fixture.ts';
import { TEST_EVENTS, TEST_FIELDS } from '../testing/fixture.ts';
import { type LoadOptions, loadRules } from './load.ts';

interface Case {
  readonly what: string;
  readonly yaml: string | readonly string[];
  /** Codes of all errors, in order. */
  readonly errors?: readonly string[];
  /** Each must be part of some error's message. */
  readonly messages?: readonly string[];
  /** Codes that must be among the warnings; [] = none at all. */
  readonly warnings?: readonly string[];
  readonly compiled?: Readonly<Record<string, string>>;
  readonly enabled?: readonly string[];
  readonly options?: Partial<LoadOptions<TestEvent>>;
}

/** A rule with everything that is required, and further lines. */
const rule = (name: string, condition: string, more = ''): string =>
  `- rule: ${name}\n  desc: about ${name}\n  condition: ${condition}\n  output: seen %proc.name\n  priority: INFO\n${more}`;

const OPEN = 'evt.type = open';

const CASES: readonly Case[] = [
  { what: 'an empty file', yaml: '', warnings: [] },
  { what: 'only comments and empty documents', yaml: '# nothing\n---\n~\n---\n' },
  { what: 'null entries', yaml: `-\n- ~\n${rule('r', OPEN)}`, warnings: [], compiled: { r: OPEN } },
  {
    what: 'several documents',
    yaml: `${rule('a', OPEN)}\n---\n${rule('b', OPEN)}`,
    compiled: { a: OPEN, b: OPEN },
  },
  { what: 'a text instead of a list', yaml: 'just a text', errors: ['LOAD_ERR_YAML_VALIDATE'] },
  { what: 'a mapping instead of a list', yaml: 'rule: r', errors: ['LOAD_ERR_YAML_VALIDATE'] },
  { what: 'an entry that is a text', yaml: '- text', errors: ['LOAD_ERR_YAML_VALIDATE'] },
  { what: 'what is not YAML', yaml: '- rule: "x\n  desc: [', errors: ['LOAD_ERR_YAML_PARSE'] },
  { what: 'an unknown entry', yaml: '- rul: x', warnings: ['LOAD_UNKNOWN_ITEM'] },
  { what: 'an unknown key', yaml: rule('r', OPEN, '  pririty: INFO\n'), warnings: ['LOAD_UNKNOWN_KEY'] },
  {
    what: 'a key that stands twice: the first counts',
    yaml: rule('r', OPEN, '  condition: evt.type = close\n'),
    compiled: { r: OPEN },
    warnings: ['LOAD_DUPLICATE_KEY'],
  },
  {
    what: 'keys in any order',
    yaml: '- condition: m\n  priority: info\n  output: x\n  desc: d\n  rule: r\n- condition: evt.type = open\n  macro: m',
    compiled: { r: OPEN },
  },
  {
    what: 'anchors and aliases',
    yaml: `- list: l\n  items: &i [a, b]\n- list: k\n  items: *i\n${rule('r', `${OPEN} and proc.name in (l, k)`)}`,
    compiled: { r: '(evt.type = open and proc.name in (a, b, a, b))' },
  },

  {
    what: 'an alias of the last anchor before it, and an item that is an alias',
    yaml: `- list: l\n  items: [&a x, &a y, *a]\n- &r\n${rule('r', `${OPEN} and proc.name in (l)`).replace('- ', '  ')}\n- *r`,
    compiled: { r: '(evt.type = open and proc.name in (x, y, y))' },
  },
  {
    what: 'aliases of nothing',
    yaml: `- *gone\n- list: l\n  items: [*lost]\n${rule('r', OPEN)}`,
    errors: ['LOAD_ERR_YAML_PARSE', 'LOAD_ERR_YAML_PARSE'],
    messages: ["'gone' is not defined", "'lost' is not defined"],
  },
  { what: 'a byte order mark', yaml: `\ufeff${rule('r', OPEN)}`, warnings: [], compiled: { r: OPEN } },
  {
    what: 'line ends of Windows',
    yaml: rule('r', '>\n    evt.type = open and\n    proc.name in (a,\n    b)').replaceAll('\n', '\r\n'),
    warnings: [],
    compiled: { r: '(evt.type = open and proc.name in (a, b))' },
  },
  {
    what: 'all missing keys at once',
    yaml: '- rule: r\n  condition: evt.type = open',
    errors: ['LOAD_ERR_YAML_VALIDATE', 'LOAD_ERR_YAML_VALIDATE', 'LOAD_ERR_YAML_VALIDATE'],
    messages: ["key 'output'", "key 'desc'", "key 'priority'"],
  },
  {
    what: 'an empty name',
    yaml: '- rule:\n  desc: d',
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ['is empty'],
  },
  {
    what: 'an empty text',
    yaml: `- rule: r\n  desc: ""\n  condition: ${OPEN}\n  output: x\n  priority: INFO`,
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ['non-empty'],
  },
  {
    what: 'a list for a text',
    yaml: `- rule: r\n  desc: [d]\n  condition: ${OPEN}\n  output: x\n  priority: INFO`,
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ['not a scalar'],
  },
  {
    what: 'an unknown priority',
    yaml: rule('r', OPEN).replace('INFO', 'warn'),
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ['Invalid priority'],
  },
  { what: 'items that are a text', yaml: '- list: l\n  items: a', errors: ['LOAD_ERR_YAML_VALIDATE'] },
  { what: 'items that are lists', yaml: '- list: l\n  items: [[a]]', errors: ['LOAD_ERR_YAML_VALIDATE'] },
  { what: 'no items', yaml: '- list: l', errors: ['LOAD_ERR_YAML_VALIDATE'] },
  { what: 'no macro condition', yaml: '- macro: m', errors: ['LOAD_ERR_YAML_VALIDATE'] },
  {
    what: 'a boolean that is none',
    yaml: rule('r', OPEN, '  enabled: maybe\n'),
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
  { what: 'booleans in all spellings', yaml: rule('r', OPEN, '  enabled: Off\n  capture: y\n'), enabled: [] },
  {
    what: 'the errors of several entries',
    yaml: `${rule('a', 'evt.type =')}\n${rule('b', 'proc.nme = x')}\n- list: l`,
    errors: ['LOAD_ERR_YAML_VALIDATE', 'LOAD_ERR_COMPILE_CONDITION', 'LOAD_ERR_COMPILE_CONDITION'],
  },
  {
    what: 'several errors in one condition',
    yaml: rule('r', 'evt.type = foo and proc.nme = x and proc.pid contains 1'),
    errors: ['LOAD_ERR_COMPILE_CONDITION', 'LOAD_ERR_COMPILE_CONDITION', 'LOAD_ERR_COMPILE_CONDITION'],
  },

  {
    what: 'items of any YAML type as texts',
    yaml: `- list: l\n  items: [80, 0x1, 1e3, true, "yes", ~x]\n${rule('r', `${OPEN} and proc.name in (l)`)}`,
    compiled: { r: '(evt.type = open and proc.name in (80, 0x1, 1e3, true, yes, ~x))' },
  },
  {
    what: 'a list with blanks in an item',
    yaml: `- list: l\n  items: ['"x y"', z w]\n${rule('r', `${OPEN} and proc.name in (l)`)}`,
    compiled: { r: '(evt.type = open and proc.name in ("x y", "z w"))' },
  },
  {
    what: 'an empty list amid values',
    yaml: `- list: l\n  items: []\n${rule('r', `${OPEN} and proc.name in (a, l, b) and proc.name in (l, a) and proc.name in (a,l) and proc.name in (l)`)}`,
    compiled: {
      r: '(evt.type = open and proc.name in (a, b) and proc.name in (a) and proc.name in (a) and proc.name in ())',
    },
  },
  {
    what: 'a list that is defined after its use',
    yaml: `${rule('r', `${OPEN} and proc.name in (l)`)}\n- list: l\n  items: [a]`,
    compiled: { r: '(evt.type = open and proc.name in (a))' },
  },
  {
    what: 'lists in lists, any depth',
    yaml: `- list: a\n  items: [x]\n- list: b\n  items: [a, y]\n- list: c\n  items: [b, z]\n${rule('r', `${OPEN} and proc.name in (c)`)}`,
    compiled: { r: '(evt.type = open and proc.name in (x, y, z))' },
  },
  {
    what: 'lists in lists that are defined later',
    yaml: [
      `- list: a\n  items: [b, x]\n- list: b\n  items: [c, y]\n${rule('r', `${OPEN} and proc.name in (a)`)}`,
      '- list: c\n  items: [z]',
    ],
    warnings: [],
    compiled: { r: '(evt.type = open and proc.name in (z, y, x))' },
  },
  {
    what: 'lists that lead back to themselves',
    yaml: `- list: a\n  items: [a, b, x]\n- list: b\n  items: [a, y]\n${rule('r', `${OPEN} and proc.name in (a)`)}`,
    compiled: { r: '(evt.type = open and proc.name in (a, a, y, x))' },
  },
  {
    what: 'a list name in place of a value',
    yaml: `- list: l\n  items: [a]\n${rule('r', `${OPEN} and proc.name = l and proc.pname=l`)}`,
    compiled: { r: '(evt.type = open and proc.name = a and proc.pname = a)' },
  },
  {
    what: 'a list name as part of a value',
    yaml: `- list: l\n  items: [a]\n${rule('r', `${OPEN} and proc.name in (l, xl, l-x, "l")`)}`,
    compiled: { r: '(evt.type = open and proc.name in (a, xl, l-x, l))' },
  },
  {
    what: 'a list name in a quoted text',
    yaml: `- list: sh\n  items: [a]\n${rule('r', `${OPEN} and proc.name in (sh) and proc.cmdline contains "run sh now"`)}`,
    compiled: { r: '(evt.type = open and proc.name in (a) and proc.cmdline contains "run sh now")' },
  },
  {
    what: 'a bare list name after in',
    yaml: `- list: l\n  items: [a]\n${rule('r', `${OPEN} and proc.name in l`)}`,
    errors: [],
    compiled: { r: '(evt.type = open and proc.name in a)' },
  },
  {
    what: 'a list name with a blank',
    yaml: `- list: my list\n  items: [open, close]\n${rule('r', 'evt.type in (my list)')}`,
    warnings: ['LOAD_INVALID_LIST_NAME'],
    compiled: { r: 'evt.type in (open, close)' },
  },
  {
    what: 'a list redefined',
    yaml: `- list: l\n  items: [a]\n- list: l\n  items: [b]\n${rule('r', `${OPEN} and proc.name in (l)`)}`,
    compiled: { r: '(evt.type = open and proc.name in (b))' },
  },
  {
    what: 'a list appended to, old form',
    yaml: `- list: l\n  items: [a]\n- list: l\n  items: [b]\n  append: true\n${rule('r', `${OPEN} and proc.name in (l)`)}`,
    warnings: ['LOAD_DEPRECATED_ITEM'],
    compiled: { r: '(evt.type = open and proc.name in (a, b))' },
  },
  {
    what: 'a list appended to, new form',
    yaml: `${rule('r', `${OPEN} and proc.name in (l)`)}\n- list: l\n  items: [a]\n- list: l\n  items: [b]\n  override: {items: append}`,
    warnings: [],
    compiled: { r: '(evt.type = open and proc.name in (a, b))' },
  },
  {
    what: 'a list replaced',
    yaml: `- list: l\n  items: [a]\n- list: l\n  items: [b]\n  override: {items: replace}\n${rule('r', `${OPEN} and proc.name in (l)`)}`,
    compiled: { r: '(evt.type = open and proc.name in (b))' },
  },
  {
    what: 'replacing a list that is not there',
    yaml: `- list: l\n  items: [b]\n  override: {items: replace}\n${rule('r', `${OPEN} and proc.name in (l)`)}`,
    compiled: { r: '(evt.type = open and proc.name in (b))' },
  },
  {
    what: 'appending to a list that is not there',
    yaml: '- list: l\n  items: [b]\n  append: true',
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['no list by that name'],
  },
  {
    what: 'append and override together',
    yaml: '- list: l\n  items: [a]\n- list: l\n  items: [b]\n  append: true\n  override: {items: append}',
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ['cannot be used together'],
  },
  { what: 'an unused list', yaml: '- list: l\n  items: [a]', warnings: ['LOAD_UNUSED_LIST'] },

  {
    what: 'a macro as a subtree',
    yaml: `- macro: m\n  condition: proc.name = x or proc.name = y\n${rule('r', `${OPEN} and not m`)}`,
    compiled: { r: '(evt.type = open and not (proc.name = x or proc.name = y))' },
  },
  {
    what: 'a macro defined after the rule',
    yaml: `${rule('r', `${OPEN} and m`)}\n- macro: m\n  condition: proc.name = x`,
    compiled: { r: '(evt.type = open and proc.name = x)' },
  },
  {
    what: 'a macro redefined: earlier users change too',
    yaml: `- macro: m\n  condition: proc.name = x\n${rule('r', `${OPEN} and m`)}\n- macro: m\n  condition: proc.name = y`,
    compiled: { r: '(evt.type = open and proc.name = y)' },
  },
  {
    what: 'a macro appended to',
    yaml: `- macro: m\n  condition: proc.name = x\n- macro: m\n  condition: or proc.name = y\n  override: {condition: append}\n${rule('r', `${OPEN} and m`)}`,
    warnings: [],
    compiled: { r: '(evt.type = open and (proc.name = x or proc.name = y))' },
  },
  {
    what: 'appending to a macro that is not there',
    yaml: '- macro: m\n  condition: or proc.name = y\n  append: true',
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['no macro by that name'],
  },
  {
    what: 'a macro that refers to an earlier one',
    yaml: `- macro: a\n  condition: proc.name = x\n- macro: b\n  condition: not a\n${rule('r', `${OPEN} and b`)}`,
    compiled: { r: '(evt.type = open and not proc.name = x)' },
  },
  {
    what: 'a macro that refers to a later one',
    yaml: `- macro: b\n  condition: not a\n- macro: a\n  condition: proc.name = x\n${rule('r', `${OPEN} and b`)}`,
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ["Undefined macro 'a'"],
  },
  {
    what: 'a redefinition sees what came between',
    yaml: `- macro: b\n  condition: proc.name = x\n- macro: a\n  condition: proc.name = y\n- macro: b\n  condition: not a\n${rule('r', `${OPEN} and b`)}`,
    compiled: { r: '(evt.type = open and not proc.name = y)' },
  },
  {
    what: 'a macro of a later file',
    yaml: [
      `- macro: b\n  condition: not a\n${rule('r', `${OPEN} and b`)}`,
      '- macro: a\n  condition: proc.name = x',
    ],
    compiled: { r: '(evt.type = open and not proc.name = x)' },
  },
  {
    what: 'an undefined macro',
    yaml: rule('r', `${OPEN} and mm`),
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ["Undefined macro 'mm' used in filter."],
  },
  {
    what: 'an undefined macro in an unused macro',
    yaml: '- macro: m\n  condition: other',
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'a macro that refers to itself',
    yaml: '- macro: m\n  condition: proc.name = x\n- macro: m\n  condition: or m\n  append: true',
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ["reference loop in macro 'm'"],
  },
  {
    what: 'a faulty macro is reported once, not its users',
    yaml: `- macro: m\n  condition: proc.name =\n${rule('r', `${OPEN} and m`)}\n${rule('s', `${OPEN} and m`)}`,
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },
  {
    what: 'an unknown field in a macro is reported once',
    yaml: `- macro: m\n  condition: proc.nme = x\n${rule('r', `${OPEN} and m`)}\n${rule('s', `${OPEN} and m`)}`,
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },
  {
    what: 'a macro name that cannot be used',
    yaml: '- macro: my-macro\n  condition: proc.name = x',
    warnings: ['LOAD_INVALID_MACRO_NAME', 'LOAD_UNUSED_MACRO'],
  },
  {
    what: 'macros that would explode',
    yaml: `- macro: m0\n  condition: proc.name = x and proc.name = y\n${Array.from({ length: 40 }, (_, i) => `- macro: m${i + 1}\n  condition: m${i} and m${i}\n`).join('')}${rule('r', 'm40')}`,
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['too large'],
  },

  {
    what: 'a rule redefined',
    yaml: `${rule('r', OPEN, '  enabled: false\n')}\n${rule('r', 'evt.type = close')}`,
    compiled: { r: 'evt.type = close' },
    enabled: ['r'],
  },
  {
    what: 'a rule redefined with another source',
    yaml: `${rule('r', OPEN)}\n${rule('r', OPEN, '  source: other\n')}`,
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['different source'],
    options: { sources: ['syscall', 'other'] },
  },
  ...[
    '  append: true\n  condition: and p.a = x\n',
    '  condition: and p.a = x\n  override: {condition: append}\n',
    '  output: y\n  override: {output: replace}\n',
    '  enabled: false\n',
  ].flatMap((change): Case[] => [
    {
      what: `a rule changed for another source by ${change.trim()}`,
      yaml: `${rule('r', OPEN)}\n- rule: r\n  source: other\n${change}`,
      errors: ['LOAD_ERR_VALIDATE'],
      messages: ['different source'],
    },
    {
      what: `a rule of an unknown source changed by ${change.trim()}`,
      yaml: `${rule('r', OPEN, '  source: other\n')}\n- rule: r\n  source: other\n${change}`,
      errors: [],
    },
  ]),
  {
    what: 'a rule of an unknown source',
    yaml: rule('r', 'ka.verb = x', '  source: k8s_audit\n'),
    warnings: ['LOAD_UNKNOWN_SOURCE'],
    enabled: [],
  },
  {
    what: 'a rule appended to, old form',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  condition: and proc.name = x\n  append: true\n  enabled: false`,
    warnings: ['LOAD_DEPRECATED_ITEM'],
    compiled: { r: '(evt.type = open and proc.name = x)' },
    enabled: ['r'],
  },
  {
    what: 'an old append without anything to append',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  append: true\n  priority: DEBUG`,
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'a rule appended to, new form',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  condition: or evt.type = close\n  override: {condition: append}`,
    warnings: [],
    compiled: { r: '(evt.type = open or evt.type = close)' },
  },
  {
    what: 'appends come before replacements',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  condition: and proc.name = x\n  priority: ERROR\n  override: {priority: replace, condition: append}`,
    compiled: { r: '(evt.type = open and proc.name = x)' },
  },
  {
    what: 'appending to a rule that is not there',
    yaml: '- rule: r\n  condition: and x\n  override: {condition: append}',
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ["'append' or 'override.<key>: append'"],
  },
  {
    what: 'replacing in a rule that is not there',
    yaml: '- rule: r\n  condition: x\n  override: {condition: replace}',
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ["'override.<key>: replace'"],
  },
  {
    what: 'appending to a key that cannot be appended to',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  priority: INFO\n  override: {priority: append}`,
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ["Key 'priority' cannot be appended to, use 'replace' instead"],
  },
  {
    what: 'replacing a key that cannot be replaced',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  source: x\n  override: {source: replace}`,
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ["Key 'source' cannot be replaced"],
  },
  {
    what: 'an unknown override operation',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  desc: x\n  override: {desc: merge}`,
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ["Invalid override operation for key 'desc': 'merge'. Allowed values are: append replace"],
  },
  {
    what: 'an override without its key',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  override: {condition: append, enabled: replace}`,
    errors: ['LOAD_ERR_YAML_VALIDATE', 'LOAD_ERR_YAML_VALIDATE'],
    messages: [
      "An append override for 'condition' was specified but 'condition' is not defined",
      "'enabled' was specified but 'enabled' is not defined",
    ],
  },
  {
    what: 'a key without its override',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  desc: x\n  priority: ERROR\n  override: {desc: replace}`,
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ["Unexpected key 'priority': no corresponding entry under 'override' is defined."],
  },
  {
    what: 'an override that is no mapping',
    yaml: '- list: l\n  items: [a]\n- list: l\n  items: [b]\n  override: append',
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
  {
    what: 'enabling by override',
    yaml: `${rule('r', OPEN, '  enabled: false\n')}\n- rule: r\n  enabled: true\n  override: {enabled: replace}`,
    warnings: [],
    enabled: ['r'],
  },
  {
    what: 'the old toggle',
    yaml: `${rule('r', OPEN, '  enabled: false\n')}\n- rule: r\n  enabled: true`,
    warnings: ['LOAD_DEPRECATED_ITEM'],
    enabled: ['r'],
  },
  {
    what: 'the old toggle without a rule',
    yaml: '- rule: r\n  enabled: true',
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'a disabled rule with errors',
    yaml: rule('r', 'proc.nme = x', '  enabled: false\n'),
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },

  {
    what: 'an exception, scalar form',
    yaml: rule(
      'r',
      `${OPEN} or evt.type = close`,
      '  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a, b c]\n',
    ),
    compiled: { r: '((evt.type = open or evt.type = close) and not proc.name in (a, "b c"))' },
  },
  {
    what: 'an exception, list form',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n      values: [[a, /x], [b, /y]]\n',
    ),
    compiled: {
      r: '(evt.type = open and not ((proc.name = a and fd.name = /x) or (proc.name = b and fd.name = /y)))',
    },
  },
  {
    what: 'an exception with comparisons',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - name: e\n      fields: [proc.name, fd.name]\n      comps: ["=", in]\n      values: [[a, /x], [b, [/y, /z]]]\n',
    ),
    compiled: {
      r: '(evt.type = open and not ((proc.name = a and fd.name in (/x)) or (proc.name = b and fd.name in (/y, /z))))',
    },
  },
  {
    what: 'an exception with a modifier',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - name: e\n      fields: proc.name\n      comps: startswith anyof\n      values: [a, b]\n    - name: f\n      fields: [fd.name]\n      comps: [endswith oneof]\n      values: [[x], [[y, z]]]\n',
    ),
    compiled: {
      r: '(evt.type = open and not proc.name startswith anyof (a, b) and not (fd.name endswith oneof (x) or fd.name endswith oneof (y, z)))',
    },
  },
  {
    what: 'exceptions without values',
    yaml: rule('r', OPEN, '  exceptions:\n    - name: e\n      fields: proc.name\n'),
    compiled: { r: OPEN },
  },
  { what: 'no exceptions at all', yaml: rule('r', OPEN, '  exceptions:\n'), compiled: { r: OPEN } },
  {
    what: 'an exception with a list name',
    yaml: `- list: l\n  items: [a, b]\n${rule('r', OPEN, '  exceptions:\n    - name: e\n      fields: [proc.name]\n      comps: [in]\n      values: [[l]]\n')}`,
    compiled: { r: '(evt.type = open and not proc.name in (a, b))' },
  },
  {
    what: 'an exception over a transformer',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - name: e\n      fields: ["tolower( proc.name)"]\n      values: [[x]]\n',
    ),
    warnings: [],
    compiled: { r: '(evt.type = open and not tolower(proc.name) = x)' },
  },
  {
    what: 'an exception value that is a transformer',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - name: e\n      fields: [proc.name]\n      values: [[toupper(proc.pname)]]\n',
    ),
    compiled: { r: '(evt.type = open and not proc.name = toupper(proc.pname))' },
  },
  {
    what: 'an exception value that looks like a field',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - name: e\n      fields: [proc.name]\n      values: [["proc.pname "]]\n',
    ),
    warnings: ['LOAD_COMPILE_CONDITION'],
    compiled: { r: '(evt.type = open and not proc.name = "proc.pname ")' },
  },
  {
    what: 'an exception value that looks like a transformer',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - name: e\n      fields: [proc.name]\n      values: [["toupper( proc.pname)"]]\n',
    ),
    warnings: ['LOAD_COMPILE_CONDITION'],
    compiled: { r: '(evt.type = open and not proc.name = "toupper( proc.pname)")' },
  },
  {
    what: 'an appended condition stays under the exceptions',
    yaml: `${rule('r', OPEN, '  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a]\n')}\n- rule: r\n  condition: or evt.type = close\n  override: {condition: append}`,
    compiled: { r: '((evt.type = open or evt.type = close) and not proc.name in (a))' },
  },
  {
    what: 'values appended to an exception',
    yaml: `${rule('r', OPEN, '  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a]\n')}\n- rule: r\n  exceptions:\n    - name: e\n      values: [b]\n  override: {exceptions: append}`,
    warnings: [],
    compiled: { r: '(evt.type = open and not proc.name in (a, b))' },
  },
  {
    what: 'an exception appended to a rule',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  exceptions:\n    - name: e\n      fields: proc.name\n      values: [b]\n  override: {exceptions: append}`,
    compiled: { r: '(evt.type = open and not proc.name in (b))' },
  },
  {
    what: 'appending fields to an exception',
    yaml: `${rule('r', OPEN, '  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a]\n')}\n- rule: r\n  exceptions:\n    - name: e\n      fields: proc.name\n      values: [b]\n  override: {exceptions: append}`,
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'appending an exception without values',
    yaml: `${rule('r', OPEN, '  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a]\n')}\n- rule: r\n  exceptions:\n    - name: e\n      value: b\n  append: true`,
    warnings: ['LOAD_APPEND_NO_VALUES', 'LOAD_DEPRECATED_ITEM'],
  },
  {
    what: 'appending a new exception without values',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  exceptions:\n    - name: e\n      fields: proc.name\n  override: {exceptions: append}`,
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'replacing exceptions',
    yaml: `${rule('r', OPEN, '  exceptions:\n    - name: e\n      fields: proc.name\n      values: [a]\n')}\n- rule: r\n  exceptions:\n    - name: f\n      fields: [fd.name]\n      values: [[/x]]\n  override: {exceptions: replace}`,
    compiled: { r: '(evt.type = open and not fd.name = /x)' },
  },
  {
    what: 'replacing exceptions without fields',
    yaml: `${rule('r', OPEN)}\n- rule: r\n  exceptions:\n    - name: e\n      values: [a]\n  override: {exceptions: replace}`,
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ["Item has no mapping for key 'fields'"],
  },
  {
    what: 'two exceptions of one name',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - {name: e, fields: proc.name, values: [a]}\n    - {name: e, fields: fd.name, values: [b]}\n',
    ),
    warnings: ['LOAD_EXCEPTION_NAME_NOT_UNIQUE'],
  },
  {
    what: 'an exception without a name',
    yaml: rule('r', OPEN, '  exceptions:\n    - {fields: proc.name, values: [a]}\n'),
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
  {
    what: 'exceptions that are no list',
    yaml: rule('r', OPEN, '  exceptions: e\n'),
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
  {
    what: 'exception values that are no list',
    yaml: rule('r', OPEN, '  exceptions:\n    - {name: e, fields: proc.name, values: a}\n'),
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
  {
    what: 'an exception over an unknown field',
    yaml: rule('r', OPEN, '  exceptions:\n    - {name: e, fields: [proc.nme], values: [[a]]}\n'),
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ["'proc.nme' is not a supported filter field"],
  },
  {
    what: 'an exception with an unknown comparison',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - {name: e, fields: [proc.name], comps: [near], values: [[a]]}\n',
    ),
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ["'near' is not a supported comparison operator"],
  },
  {
    what: 'a scalar exception with an equality',
    yaml: rule('r', OPEN, '  exceptions:\n    - {name: e, fields: proc.name, comps: "=", values: [a]}\n'),
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'a scalar exception with a list of comparisons',
    yaml: rule('r', OPEN, '  exceptions:\n    - {name: e, fields: proc.name, comps: [in], values: [a]}\n'),
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'fields and comparisons of different number',
    yaml: rule(
      'r',
      OPEN,
      '  exceptions:\n    - {name: e, fields: [proc.name, fd.name], comps: [in], values: [[a, b]]}\n',
    ),
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['Fields and comps lists must have equal length'],
  },
  {
    what: 'fields and values of different number',
    yaml: rule('r', OPEN, '  exceptions:\n    - {name: e, fields: [proc.name, fd.name], values: [[a]]}\n'),
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['Fields and values lists must have equal length'],
  },
  {
    what: 'a scalar exception with tuples',
    yaml: rule('r', OPEN, '  exceptions:\n    - {name: e, fields: proc.name, values: [[a]]}\n'),
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['Expected values array to contain a list of strings'],
  },
  {
    what: 'a list under an equality',
    yaml: rule('r', OPEN, '  exceptions:\n    - {name: e, fields: [proc.name], values: [[[a, b]]]}\n'),
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },

  { what: 'an engine version as a number', yaml: '- required_engine_version: 26', warnings: [] },
  { what: 'an engine version', yaml: '- required_engine_version: 0.57.0', warnings: [] },
  {
    what: 'an engine version that is none',
    yaml: '- required_engine_version: seven',
    errors: ['LOAD_ERR_YAML_VALIDATE'],
    messages: ['Unable to parse engine version'],
  },
  {
    what: 'an engine version of the future',
    yaml: '- required_engine_version: 0.64.0',
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['Rules require engine version 0.64.0, but engine version is 0.63.0'],
  },
  {
    what: 'an engine version of another major',
    yaml: '- required_engine_version: 1.0.0',
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'a plugin that is built in',
    yaml: '- required_plugin_versions:\n    - {name: container, version: 0.4.0}',
    warnings: [],
  },
  {
    what: 'a plugin with an alternative',
    yaml: '- required_plugin_versions:\n    - {name: other, version: 1.0.0, alternatives: [{name: container, version: 0.4.0}]}',
    warnings: [],
  },
  {
    what: 'a plugin that is not there',
    yaml: '- required_plugin_versions:\n    - {name: other, version: 1.0.0}',
    errors: ['LOAD_ERR_VALIDATE'],
    messages: ['Plugin requirement not satisfied, must load one of: other (>= 1.0.0)'],
  },
  {
    what: 'a plugin version that is none',
    yaml: '- required_plugin_versions:\n    - {name: container, version: new}',
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'one plugin twice among alternatives',
    yaml: '- required_plugin_versions:\n    - {name: container, version: 0.4.0, alternatives: [{name: container, version: 0.5.0}]}',
    errors: ['LOAD_ERR_VALIDATE'],
  },
  {
    what: 'plugin versions that are no list',
    yaml: '- required_plugin_versions: container',
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },

  {
    what: 'an unknown field with skip-if-unknown-filter',
    yaml: `${rule('r', 'proc.nme = x', '  skip-if-unknown-filter: true\n')}\n${rule('s', OPEN)}`,
    warnings: ['LOAD_UNKNOWN_FILTER'],
    enabled: ['s'],
  },
  {
    what: 'an unknown event with skip-if-unknown-filter',
    yaml: rule('r', 'evt.type = foo', '  skip-if-unknown-filter: true\n'),
    warnings: ['LOAD_UNKNOWN_FILTER'],
    enabled: [],
  },
  {
    what: 'an unknown output field with skip-if-unknown-filter',
    yaml: rule('r', OPEN, '  skip-if-unknown-filter: true\n').replace('%proc.name', '%proc.nme'),
    warnings: ['LOAD_UNKNOWN_FILTER'],
    enabled: [],
  },
  {
    what: 'another error with skip-if-unknown-filter',
    yaml: rule('r', 'proc.pid = x', '  skip-if-unknown-filter: true\n'),
    errors: ['LOAD_ERR_COMPILE_CONDITION'],
  },
  {
    what: 'an unknown output field',
    yaml: rule('r', OPEN).replace('%proc.name', '%proc.nme'),
    errors: ['LOAD_ERR_COMPILE_OUTPUT'],
  },
  {
    what: 'a filter-only output field',
    yaml: rule('r', OPEN).replace('%proc.name', '%fd.ip'),
    errors: ['LOAD_ERR_COMPILE_OUTPUT'],
  },
  {
    what: 'a stray percent sign',
    yaml: rule('r', OPEN).replace('%proc.name', '100%'),
    errors: ['LOAD_ERR_COMPILE_OUTPUT'],
  },
  {
    what: '%container.info',
    yaml: rule('r', OPEN).replace('%proc.name', '%proc.name %container.info'),
    warnings: ['LOAD_DEPRECATED_ITEM'],
  },
  {
    what: 'a condition without event types',
    yaml: rule('r', 'proc.name = x'),
    warnings: ['LOAD_NO_EVTTYPE'],
  },
  {
    what: 'the same, not to be warned of',
    yaml: rule('r', 'proc.name = x', '  warn_evttypes: false\n'),
    warnings: [],
  },
  { what: 'a condition that never holds', yaml: rule('r', 'evt.num = 0'), warnings: [] },
  {
    what: 'a deprecated field',
    yaml: rule('r', `${OPEN} and evt.dir = <`),
    warnings: ['LOAD_DEPRECATED_ITEM'],
  },

  {
    what: "Ringfence's own keys",
    yaml: rule(
      'r',
      OPEN,
      '  enforce: deny\n  respond: [notify, {deny_ip: {ttl: 10m}}]\n  mode: monitor\n  fail: closed\n  scope: containers\n',
    ),
    warnings: [],
  },
  {
    what: 'an unknown enforcement',
    yaml: rule('r', OPEN, '  enforce: maim\n'),
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
  {
    what: 'a response that is none',
    yaml: rule('r', OPEN, '  respond: [{a: 1, b: 2}, [x]]\n'),
    errors: ['LOAD_ERR_YAML_VALIDATE', 'LOAD_ERR_YAML_VALIDATE'],
  },
  {
    what: 'a scope that is none',
    yaml: rule('r', OPEN, '  scope: mars\n'),
    errors: ['LOAD_ERR_YAML_VALIDATE'],
  },
];

const load = (yaml: Case['yaml'], options: Partial<LoadOptions<TestEvent>> = {}) => {
  const texts = typeof yaml === 'string' ? [yaml] : yaml;
  return loadRules(
    texts.map((text, i) => ({ name: `file${i}.yaml`, text })),
    { fields: TEST_FIELDS, events: TEST_EVENTS, ...options },
  );
};

describe('loading rules', () => {
  for (const example of CASES) {
    it(`${example.errors?.length ? 'refuses' : 'takes'} ${example.what}`, () => {
      const result = load(example.yaml, example.options);
      const errors = result.diagnostics.filter((diagnostic) => diagnostic.severity === 'error');
      const warnings = result.diagnostics.filter((diagnostic) => diagnostic.severity === 'warning');
      const summary = result.diagnostics
        .map((diagnostic) => `${diagnostic.code}: ${diagnostic.message}`)
        .join('\n');
      assert.deepEqual(
        errors.map((error) => error.code),
        example.errors ?? [],
        summary,
      );
      assert.equal(result.rules !== undefined, errors.length === 0);
      for (const message of example.messages ?? []) {
        assert.ok(
          errors.some((error) => error.message.includes(message)),
          `${message}\n${summary}`,
        );
      }
      if (example.warnings?.length === 0) assert.deepEqual(warnings, []);
      for (const code of example.warnings ?? [])
        assert.ok(
          warnings.some((warning) => warning.code === code),
          summary,
        );
      if (example.enabled !== undefined) {
        assert.deepEqual(
          result.rules?.rules.map((compiled) => compiled.name),
          example.enabled,
        );
      }
      if (example.compiled !== undefined) {
        const described = describeRules(result).rules.map((entry) => [
          entry.info.name,
          entry.details.condition_compiled,
        ]);
        assert.deepEqual(Object.fromEntries(described), example.compiled);
      }
      for (const diagnostic of result.diagnostics) {
        assert.ok(diagnostic.line >= 1 && diagnostic.column >= 1 && diagnostic.snippet.includes('^'));
      }
    });
  }

  const slips: [string, RegExp][] = [
    ['- rule: r\n  output: File opened: %fd.name', /needs quotes/],
    ['- rule: r\n  output: %fd.name was opened', /needs quotes/],
    ['- rule: r\n\tdesc: d\n  output: x', /not with tabs/],
    ['- list: l\n  items:\n\t- a', /not with tabs/],
  ];
  for (const [yaml, help] of slips) {
    it(`says once what to write instead of ${JSON.stringify(yaml)}`, () => {
      const { diagnostics } = load(yaml);
      assert.deepEqual(
        diagnostics.map(({ code }) => code),
        ['LOAD_ERR_YAML_PARSE'],
      );
      assert.match(diagnostics[0]?.help ?? '', help);
    });
  }

  it('points at the byte in question, through folding and list substitution', () => {
    const yaml = [
      '- list: shells',
      '  items: [bash, sh, some_very_long_name_of_a_shell]',
      '- rule: r',
      '  desc: d',
      '  condition: >',
      '    evt.type = open and proc.name in (shells)',
      '      and proc.nme = x',
      '  output: x',
      '  priority: INFO',
    ].join('\n');
    const [error] = load(yaml).diagnostics;
    assert.equal(error?.line, 7);
    assert.equal(error?.column, 11);
    assert.equal(error?.snippet.split('\n')[1]?.indexOf('^'), 10);
    assert.match(error?.help ?? '', /proc\.name/);
    assert.deepEqual(
      error?.context?.map((step) => step.type),
      ['rule', 'rule condition', 'condition expression'],
    );
  });

  it('points at the macro or the exception where the fault is', () => {
    const yaml = `- macro: m\n  condition: proc.nme = x\n${rule('r', 'evt.type = open and m', '  exceptions:\n    - name: e\n      fields: [proc.pid]\n      values: [[x]]\n')}`;
    const lines = load(yaml).diagnostics.map((diagnostic) => diagnostic.line);
    assert.deepEqual(lines, [2, 11]);
  });

  it('shows the key that an override names wrongly in the snippet', () => {
    const yaml = `${rule('r', OPEN)}\n- rule: r\n  priority: INFO\n  override:\n    priority: append\n`;
    assert.match(load(yaml).diagnostics[0]?.snippet ?? '', /priority: append/);
  });

  it('evaluates in order of first definition, whatever is changed later', () => {
    const yaml = [
      rule('a', OPEN),
      rule('b', OPEN),
      rule('a', `${OPEN} and evt.num > 0`),
      '- rule: b\n  condition: and evt.num > 0\n  override: {condition: append}',
    ];
    const { rules } = load(yaml);
    assert.deepEqual(
      rules?.rules.map((compiled) => compiled.name),
      ['a', 'b'],
    );
  });

  it('joins texts with one blank and tags as a set', () => {
    const more = '  tags: [b, a, b]\n';
    const yaml = `${rule('r', OPEN, more)}\n- rule: r\n  desc: more\n  output: too\n  tags: [c, a]\n  override: {desc: append, output: append, tags: append}`;
    const [described] = describeRules(load(yaml)).rules;
    assert.equal(described?.info.description, 'about r more');
    assert.equal(described?.info.output, 'seen %proc.name too');
    assert.deepEqual(described?.info.tags, ['a', 'b', 'c']);
  });

  it('chooses rules by name and tag, later selectors first, and by priority', () => {
    const yaml = `${rule('net one', OPEN, '  tags: [network]\n')}\n${rule('net two', OPEN, '  tags: [network, x]\n  enabled: false\n')}\n${rule('file', OPEN).replace('INFO', 'DEBUG')}`;
    const names = (options: Partial<LoadOptions<TestEvent>>) =>
      load(yaml, options).rules?.rules.map((entry) => entry.name);
    assert.deepEqual(names({}), ['net one', 'file']);
    assert.deepEqual(
      names({
        selectors: [
          { action: 'disable', rule: '*' },
          { action: 'enable', tag: 'network' },
        ],
      }),
      ['net one', 'net two'],
    );
    assert.deepEqual(names({ selectors: [{ action: 'disable', rule: 'net*e' }] }), ['file']);
    assert.deepEqual(
      names({
        selectors: [
          { action: 'disable', rule: 'Net*' },
          { action: 'disable', rule: 'net' },
        ],
      }),
      ['net one', 'file'],
    );
    assert.deepEqual(names({ minPriority: 6 }), ['net one']);
  });

  it('leaves rules with unknown fields out where it is told to', () => {
    const yaml = `${rule('a', 'evt.type = open and proc.nme = x')}\n${rule('b', OPEN)}\n${rule('c', OPEN, '  exceptions:\n    - {name: e, fields: proc.nme, values: [a]}\n')}`;
    const result = load(yaml, { unknownFields: 'skip' });
    assert.deepEqual(
      result.rules?.rules.map((compiled) => compiled.name),
      ['b'],
    );
    assert.deepEqual(
      result.diagnostics.map((diagnostic) => diagnostic.code),
      ['LOAD_UNKNOWN_FILTER', 'LOAD_UNKNOWN_FILTER'],
    );
  });

  it('carries the own keys on the rule', () => {
    const yaml = rule(
      'r',
      OPEN,
      '  enforce: kill\n  respond: [notify, {deny_ip: {ttl: 10m}}]\n  mode: enforce\n  fail: closed\n  scope: {cgroup: /a}\n',
    );
    const [compiled] = load(yaml).rules?.rules ?? [];
    assert.equal(compiled?.enforce, 'kill');
    assert.deepEqual(compiled?.respond, [
      { action: 'notify', options: {} },
      { action: 'deny_ip', options: { ttl: '10m' } },
    ]);
    assert.deepEqual(
      [compiled?.mode, compiled?.fail, compiled?.scope],
      ['enforce', 'closed', { kind: 'cgroup', paths: ['/a'] }],
    );
  });
});
