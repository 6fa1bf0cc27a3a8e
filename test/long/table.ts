import type { Evidence } from '../reliability/evidence.ts';

const BEGIN = '<!-- table: written by .ci/long -->\n';
const END = '<!-- end of table -->\n';

const cell = (text: string): string => text.replaceAll('|', '\\|').replaceAll('\n', ' ');

/** The rows that a file of evidence holds: a line of JSON each. */
export const rowsOf = (text: string): Evidence[] =>
  text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Evidence);

/** The page with another table: the last row of each fault, and where it was run. */
export function withTable(page: string, rows: readonly Evidence[], where: string): string {
  const [head = '', rest] = page.split(BEGIN);
  const after = rest?.split(END)[1];
  if (after === undefined) throw new Error('the page has no place for the table');
  const latest = new Map(rows.map((row) => [row.fault, row]));
  const lines = [...latest.values()].map(
    ({ fault, expected, result }) => `| ${cell(fault)} | ${cell(expected)} | ${cell(result)} |`,
  );
  const table = ['| fault | expected | result |', '|---|---|---|', ...lines, ''].join('\n');
  return `${head}${BEGIN}\n${table}\nRun ${where}; each row comes from a test that passed.\n\n${END}${after}`;
}
