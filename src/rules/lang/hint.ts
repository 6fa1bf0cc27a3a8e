/** What the writer of a condition most likely meant, from the text around a syntax error. */
import { LIST_OPS, MODIFIERS, STRING_OPS } from './operators.ts';

const NEARBY = 200;
const OPERATORS: readonly string[] = [...STRING_OPS, ...LIST_OPS, 'exists'];
const WORDS = new Set(['and', 'or', 'not', ...OPERATORS, ...MODIFIERS]);
const SYMBOLS: Readonly<Record<string, string>> = { '&&': 'and', '||': 'or', '!': 'not' };
const SIMILAR: Readonly<Record<string, string>> = {
  like: "'glob' (with * and ?) or 'contains'",
  matches: "'regex' or 'glob'",
  match: "'regex' or 'glob'",
  '=~': "'regex' or 'glob'",
  '<>': "'!='",
  is: "'=', or 'exists' for a field that has a value",
  notin: "'not' before the field: not field in (…)",
};
const NEGATED_OPERATOR = new RegExp(
  `^(?:not\\s+|!)(${OPERATORS.filter((op) => /^[a-z]/.test(op)).join('|')})\\b`,
);
const TEXT_OPERATOR_BEFORE_LIST = /([a-z]+|[=!]=?)\s*$/;
const BARE_VALUE = /(?:=|\b(?:glob|startswith|endswith|contains))\s*[^\s"'(),=]+\s+$/;
const PLAIN_WORD = /^[^\s"'(),=.&|!]+(?=$|[\s)])/;

/** A sentence of help for a syntax error at byte `at` of a condition, if the mistake is a known one. */
export function syntaxHint(input: string, at: number): string | undefined {
  const after = input.slice(at, at + NEARBY);
  const before = input.slice(Math.max(0, at - NEARBY), at);
  if (after.startsWith('#')) return "a text below '>' or '|' has no comments: write them above the key";
  const negated = NEGATED_OPERATOR.exec(after)?.[1];
  if (negated !== undefined) return `write 'not' before the field: not field ${negated} …`;
  const symbol = /^(?:&&|\|\||!)/.exec(after)?.[0];
  if (symbol !== undefined) return `write '${SYMBOLS[symbol]}'`;
  if (/=~\s*$/.test(before)) return `write ${SIMILAR['=~']}`;
  if (before.endsWith('<') && after.startsWith('>')) return `write ${SIMILAR['<>']}`;
  const word = /^[a-zA-Z]+/.exec(after)?.[0] ?? '';
  if (WORDS.has(word.toLowerCase()) && !WORDS.has(word)) return `write '${word.toLowerCase()}' in lower case`;
  const similar = Object.hasOwn(SIMILAR, word) ? SIMILAR[word] : undefined;
  if (similar !== undefined) return `write ${similar}`;
  const operator = after.startsWith('(') ? TEXT_OPERATOR_BEFORE_LIST.exec(before)?.[1] : undefined;
  if (operator !== undefined && (STRING_OPS as readonly string[]).includes(operator))
    return listHint(operator);
  if (OPERATORS.includes(word) && word !== 'exists' && after === word)
    return `'${word}' needs a value after it`;
  if (BARE_VALUE.test(before) && PLAIN_WORD.test(after)) return 'a value with blanks needs quotes';
  return undefined;
}

function listHint(operator: string): string {
  if (operator === '!=') return `write ${SIMILAR.notin}`;
  return operator.startsWith('=')
    ? "write 'in (…)'"
    : `for one of several values write '${operator} anyof (…)'`;
}
