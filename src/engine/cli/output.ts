import { stripVTControlCharacters, styleText } from 'node:util';
import type { AppError, Diagnostic } from '../core/diagnostic.ts';
import { toJson } from '../core/json.ts';

type Style = Parameters<typeof styleText>[0];

/** Whether a stream gets colour: FORCE_COLOR wins, then NO_COLOR and TERM=dumb, then whether it is a terminal. */
export function hasColour(stream: NodeJS.WriteStream, env: NodeJS.ProcessEnv = process.env): boolean {
  if (env.FORCE_COLOR) return env.FORCE_COLOR !== '0';
  if (env.NO_COLOR || env.TERM === 'dumb') return false;
  return stream.isTTY === true;
}

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
  const widths = header.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)),
  );
  const room = process.stdout.columns || 100;
  const before = widths.slice(0, -1).reduce((sum, width) => sum + width + 2, 0);
  const last = Math.max(24, room - before);
  const line = (row: readonly string[]): string =>
    row
      .map((cell, i) => (i === row.length - 1 ? wrap(cell, last, before) : cell.padEnd(widths[i] ?? 0)))
      .join('  ');
  print(paint('bold', line(header)));
  for (const row of rows) print(line(row));
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

/** A diagnostic as a compiler would print it. */
export function renderDiagnostic(d: Diagnostic, stream: NodeJS.WriteStream = process.stderr): string {
  const style = d.severity === 'error' ? (['red', 'bold'] as const) : (['yellow', 'bold'] as const);
  const lines = [`${paint([...style], `${d.severity}[${d.code}]`, stream)}: ${d.message}`];
  if (d.file !== undefined) {
    const place = [d.file, d.line, d.column].filter((part) => part !== undefined).join(':');
    lines.push(`  ${paint('blue', '-->', stream)} ${place}`);
  }
  if (d.snippet)
    lines.push(...d.snippet.split('\n').map((line) => `   ${paint('blue', '|', stream)} ${line}`));
  if (d.help) lines.push(`  help: ${d.help}`);
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
