/** The operators of the condition language: one table for the parser, the checker and the documentation. */

export const STRING_OPS = [
  '==',
  '=',
  '!=',
  'glob',
  'iglob',
  'contains',
  'icontains',
  'bcontains',
  'startswith',
  'bstartswith',
  'endswith',
  'regex',
] as const;
export const NUMBER_OPS = ['<=', '<', '>=', '>'] as const;
export const LIST_OPS = ['intersects', 'in', 'pmatch'] as const;
export const MODIFIERS = ['oneof', 'anyof', 'allof'] as const;

export type StringOp = (typeof STRING_OPS)[number];
export type NumberOp = (typeof NUMBER_OPS)[number];
export type ListOp = (typeof LIST_OPS)[number];
export type BinaryOp = StringOp | NumberOp | ListOp;
export type Modifier = (typeof MODIFIERS)[number];
export type Operator = BinaryOp | 'exists';

/** What an operator can be applied to. */
export type OperandClass = 'number' | 'double' | 'bool' | 'string' | 'bytes' | 'ip' | 'net' | 'list';

export interface OperatorInfo {
  readonly name: Operator;
  readonly right: 'none' | 'value' | 'number' | 'list';
  readonly classes: readonly OperandClass[];
  readonly doc: string;
  readonly example: string;
}

const EVERY: readonly OperandClass[] = ['number', 'double', 'bool', 'string', 'bytes', 'ip', 'net', 'list'];
const SCALARS: readonly OperandClass[] = ['number', 'double', 'bool', 'string', 'bytes', 'ip', 'net'];
const ORDERED: readonly OperandClass[] = ['number', 'double', 'string'];
const TEXT: readonly OperandClass[] = ['string', 'bytes'];

export const OPERATORS: readonly OperatorInfo[] = [
  {
    name: '=',
    right: 'value',
    classes: SCALARS,
    doc: 'Equal, case-sensitive. `==` is the same operator. Numbers are compared by value, addresses by their bytes, a network with its members.',
    example: 'proc.name = nginx',
  },
  {
    name: '==',
    right: 'value',
    classes: SCALARS,
    doc: 'The same as `=`.',
    example: 'proc.name == nginx',
  },
  {
    name: '!=',
    right: 'value',
    classes: SCALARS,
    doc: 'Not equal. False when the field is missing: to include that case write `not field = value`.',
    example: 'container.id != host',
  },
  { name: '<', right: 'number', classes: ORDERED, doc: 'Less than.', example: 'fd.num < 3' },
  { name: '<=', right: 'number', classes: ORDERED, doc: 'Less than or equal.', example: 'proc.tty <= 0' },
  { name: '>', right: 'number', classes: ORDERED, doc: 'Greater than.', example: 'proc.cmdnargs > 4' },
  {
    name: '>=',
    right: 'number',
    classes: ORDERED,
    doc: 'Greater than or equal.',
    example: 'evt.rawres >= 0',
  },
  {
    name: 'contains',
    right: 'value',
    classes: TEXT,
    doc: 'The text occurs somewhere in the value.',
    example: 'proc.cmdline contains "nc -e"',
  },
  {
    name: 'icontains',
    right: 'value',
    classes: ['string'],
    doc: 'As `contains`, ignoring the case of ASCII letters.',
    example: 'proc.cmdline icontains invoke-expression',
  },
  {
    name: 'bcontains',
    right: 'value',
    classes: ['bytes'],
    doc: 'The bytes, written as hexadecimal digits, occur in the buffer.',
    example: 'evt.buffer bcontains 48545450',
  },
  {
    name: 'startswith',
    right: 'value',
    classes: TEXT,
    doc: 'The value begins with the text; no word or path boundary is implied.',
    example: 'fd.name startswith /etc/',
  },
  {
    name: 'bstartswith',
    right: 'value',
    classes: ['bytes'],
    doc: 'The buffer begins with the bytes, written as hexadecimal digits.',
    example: 'evt.buffer bstartswith 7f454c46',
  },
  {
    name: 'endswith',
    right: 'value',
    classes: TEXT,
    doc: 'The value ends with the text.',
    example: 'fd.name endswith .ssh/authorized_keys',
  },
  {
    name: 'glob',
    right: 'value',
    classes: ['string'],
    doc: 'The whole value matches the pattern: `*` (also across `/`), `?`, `[a-z]`, `[!a-z]`, backslash escapes.',
    example: "fd.name glob '/home/*/.bashrc'",
  },
  {
    name: 'iglob',
    right: 'value',
    classes: ['string'],
    doc: 'As `glob`, ignoring the case of ASCII letters.',
    example: "fd.name iglob '*.PS1'",
  },
  {
    name: 'regex',
    right: 'value',
    classes: ['string'],
    doc: 'The whole value matches the RE2 expression; only the first 8 KiB of a value are looked at.',
    example: "proc.name regex 'kworker/[0-9]+'",
  },
  {
    name: 'in',
    right: 'list',
    classes: EVERY,
    doc: 'The value equals one element of the list. On a field that is a list: all its elements are in the list.',
    example: 'proc.name in (bash, sh, shell_binaries)',
  },
  {
    name: 'intersects',
    right: 'list',
    classes: EVERY,
    doc: 'On a field that is a list: at least one element is in the list. On any other field: as `in`.',
    example: 'fd.types intersects (ipv4, ipv6)',
  },
  {
    name: 'pmatch',
    right: 'list',
    classes: ['string'],
    doc: 'One of the paths is the value or a folder above it; components may be globs.',
    example: 'fd.name pmatch (/etc, /home/*/.ssh)',
  },
  {
    name: 'exists',
    right: 'none',
    classes: EVERY,
    doc: 'The field has a value for this event, be it an empty one.',
    example: 'proc.pname exists',
  },
];

const BY_NAME = new Map(OPERATORS.map((info) => [info.name as string, info]));

/** The row of an operator, by its exact spelling. */
export function operatorInfo(name: string): OperatorInfo | undefined {
  return BY_NAME.get(name);
}

/** Whether a text is an operator, optionally with a modifier (`contains anyof`). */
export function parseOperator(text: string): { op: Operator; modifier?: Modifier } | undefined {
  const [word = '', modifier, ...rest] = text.trim().split(/\s+/);
  const info = BY_NAME.get(word);
  if (info === undefined || rest.length > 0) return undefined;
  if (modifier === undefined) return { op: info.name };
  if (!isModifier(modifier) || !(STRING_OPS as readonly string[]).includes(word)) return undefined;
  return { op: info.name, modifier };
}

export function isModifier(word: string): word is Modifier {
  return (MODIFIERS as readonly string[]).includes(word);
}

export function isListOp(op: string): op is ListOp {
  return (LIST_OPS as readonly string[]).includes(op);
}

export const MODIFIER_DOCS: Readonly<Record<Modifier, string>> = {
  oneof: 'exactly one element of the list satisfies the operator',
  anyof: 'at least one element of the list satisfies the operator',
  allof: 'every element of the list satisfies the operator, and it has one',
};
