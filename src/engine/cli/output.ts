import { stripVTControlCharacters, styleText } from 'node:util';
import { escapeForTerminal, escapeLines } from '../../outputs/formats/text.ts';
import type { AppError, Diagnostic } from '../core/diagnostic.ts';
import { toJson } from '../core/json.ts';
import { hasColour } from '../core/terminal.ts';

type Style = Parameters<typeof styleText>[0];

/** Text in a style, if the stream gets colour. */
export function paint(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  return hasColour(stream) ? styleText(style, text, { validateStream: false }) : text;
}

/** Results: to stdout. */
export function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Everything that is not a result: to stderr. */
export function note(text: string): void {
  process.stderr.write(`${text}\n`);
}

/** One JSON document on stdout. 64-bit numbers keep all their digits. */
export function printJson(value: unknown): void {
  print(toJson(value, process.stdout.isTTY ? 2 : 0));
}

/** Rows for people on a terminal (aligned, with header); when piped the same columns, tab-separated, no header. */
export function printTable(header: readonly string[], rows: readonly (readonly string[])[]): void {
  if (!process.stdout.isTTY) {
    for (const row of rows) print(row.map((cell) => cell.replace(/[\t\n]/g, ' ')).join('\t'));
    return;
  }
  const [titles = '', ...lines] = layOutTable([header, ...rows], process.stdout.columns || 80);
  print([paint('bold', titles), ...lines].join('\n'));
}

/** No column but the last is narrower than its longest word, up to this. */
const LONGEST_WORD = 30;
const LAST_COLUMN = 24;

/** Rows in columns, wrapped within the width as far as their words allow. The first line is the first row's first. */
export function layOutTable(rows: readonly (readonly string[])[], columns: number): string[] {
  const count = rows[0]?.length ?? 0;
  const cells = (i: number): string[] => rows.map((row) => row[i] ?? '');
  const longest = (texts: readonly string[]): number =>
    texts.reduce((max, text) => Math.max(max, text.length), 0);
  const least = Array.from({ length: count - 1 }, (_, i) =>
    Math.min(LONGEST_WORD, longest(cells(i).flatMap((cell) => cell.split(' ')))),
  );
  const natural = least.map((_, i) => longest(cells(i)));
  const room = columns - LAST_COLUMN - 2 * (count - 1);
  const capped = (cap: number): number[] =>
    natural.map((width, i) => Math.max(least[i]!, Math.min(width, cap)));
  let cap = Math.max(1, ...natural);
  while (cap > 1 && capped(cap).reduce((sum, width) => sum + width, 0) > room) cap--;
  const widths = capped(cap);
  const before = widths.reduce((sum, width) => sum + width + 2, 0);
  widths.push(Math.max(LAST_COLUMN, columns - before));
  return rows.flatMap((row) => layOutRow(row, widths));
}

function layOutRow(row: readonly string[], widths: readonly number[]): string[] {
  const lines: string[] = [];
  let start = 0;
  let left = 0;
  for (const [i, width] of widths.entries()) {
    const parts = wrap(row[i] ?? '', width, 0).split('\n');
    for (const [n, part] of parts.entries())
      lines[start + n] = `${(lines[start + n] ?? '').padEnd(left)}${part}`;
    // What is longer than its column pushes the rest of the row below itself.
    if (i < widths.length - 1 && parts.some((part) => part.length > width)) start += parts.length;
    left += width + 2;
  }
  return lines.map((line) => line.trimEnd());
}

/** A name and what is to be said about it, which on a terminal is wrapped beside it. */
export function printBeside(label: string, text: string): void {
  const columns = process.stdout.isTTY ? process.stdout.columns || 80 : Number.POSITIVE_INFINITY;
  const indent = stripVTControlCharacters(label).length;
  const lines = text
    .trim()
    .split('\n')
    .map((line) => wrap(line, Math.max(24, columns - indent), indent));
  print(`${label}${lines.join(`\n${' '.repeat(indent)}`)}`);
}

/** Text in lines of a width, the second and further ones behind an indent. */
function wrap(text: string, width: number, indent: number): string {
  const lines: string[] = [];
  let current = '';
  for (const word of text.split(' ')) {
    if (current && current.length + word.length + 1 > width) {
      lines.push(current);
      current = word;
    } else current = current ? `${current} ${word}` : word;
  }
  return [...lines, current].join(`\n${' '.repeat(indent)}`);
}

/** A diagnostic as a compiler would print it; what it quotes may come from anybody. */
export function renderDiagnostic(d: Diagnostic, stream: NodeJS.WriteStream = process.stderr): string {
  const style = d.severity === 'error' ? (['red', 'bold'] as const) : (['yellow', 'bold'] as const);
  const lines = [`${paint([...style], `${d.severity}[${d.code}]`, stream)}: ${escapeLines(d.message)}`];
  if (d.file !== undefined) {
    const place = [d.file, d.line, d.column].filter((part) => part !== undefined).join(':');
    lines.push(`  ${paint('blue', '-->', stream)} ${escapeForTerminal(place)}`);
  }
  if (d.snippet)
    lines.push(
      ...d.snippet.split('\n').map((line) => `   ${paint('blue', '|', stream)} ${escapeForTerminal(line)}`),
    );
  if (d.help) lines.push(`  help: ${escapeLines(d.help)}`);
  return lines.join('\n');
}

/** Diagnostics to stderr, all of them, and how to learn more about the codes. */
export function noteDiagnostics(diagnostics: readonly Diagnostic[]): void {
  for (const diagnostic of diagnostics) note(renderDiagnostic(diagnostic));
  const codes = [...new Set(diagnostics.map((d) => d.code))];
  if (codes.length > 0) note(`  docs: ringfence explain ${codes[0]}`);
}

/** An expected failure, without a stack. */
export function noteError(error: AppError): void {
  note(
    renderDiagnostic({
      severity: 'error',
      code: error.code,
      message: error.message,
      ...(error.help && { help: error.help }),
    }),
  );
}
