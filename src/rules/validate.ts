/** The result of validating rule files, shaped as Falco's JSON result, one per file. */
import type { LoadResult } from './load/load.ts';
import { ERROR_CODES, type Location, type RuleDiagnostic, WARNING_CODES } from './load/report.ts';

export interface FileResult {
  readonly name: string;
  readonly successful: boolean;
  readonly errors: readonly ResultEntry[];
  readonly warnings: readonly ResultEntry[];
  /** No unknown keys or entries. */
  readonly schema_valid: boolean;
  readonly schema_warnings: readonly string[];
}

export interface ResultEntry {
  readonly code: string;
  readonly codedesc: string;
  readonly message: string;
  readonly context: { readonly locations: readonly Location[]; readonly snippet: string };
  /** 1-based, as editors count. */
  readonly line: number;
  readonly column: number;
  readonly help?: string;
}

export interface ValidationResult {
  readonly successful: boolean;
  readonly falco_load_results: readonly FileResult[];
}

/** The results of all files. With `strict`, warnings count as errors. */
export function validationResult<E>(result: LoadResult<E>, strict = false): ValidationResult {
  const files = result.files.map((name) => fileResult(name, result.diagnostics, strict));
  return { successful: files.every((file) => file.successful), falco_load_results: files };
}

function fileResult(name: string, all: readonly RuleDiagnostic[], strict: boolean): FileResult {
  const own = all.filter((diagnostic) => diagnostic.file === name);
  const isError = (diagnostic: RuleDiagnostic): boolean => strict || diagnostic.severity === 'error';
  const errors = own.filter(isError);
  const shape = own.filter(({ code }) => code === 'LOAD_UNKNOWN_KEY' || code === 'LOAD_UNKNOWN_ITEM');
  return {
    name,
    successful: errors.length === 0,
    errors: errors.map(resultEntry),
    warnings: own.filter((diagnostic) => !isError(diagnostic)).map(resultEntry),
    schema_valid: shape.length === 0,
    schema_warnings: shape.map(({ message }) => message),
  };
}

function resultEntry(diagnostic: RuleDiagnostic): ResultEntry {
  const { code, message, line, column, help } = diagnostic;
  const descriptions: Readonly<Record<string, string>> = { ...ERROR_CODES, ...WARNING_CODES };
  return {
    code,
    codedesc: descriptions[code] ?? code,
    message,
    context: { locations: diagnostic.locations, snippet: `------\n${diagnostic.snippet}\n------\n` },
    line,
    column,
    ...(help === undefined ? {} : { help }),
  };
}

/** The text form: `FILE: Ok`, or what is wrong, with the lines in question. */
export function validationText<E>(result: LoadResult<E>, strict = false): string {
  return validationResult(result, strict)
    .falco_load_results.map((file) => {
      if (file.successful && file.warnings.length === 0) return `${file.name}: Ok\n`;
      const status = file.successful ? 'Ok, with warnings' : 'Invalid';
      return `${file.name}: ${status}\n${section('Error', file.name, file.errors)}${section('Warning', file.name, file.warnings)}`;
    })
    .join('');
}

function section(kind: string, file: string, entries: readonly ResultEntry[]): string {
  if (entries.length === 0) return '';
  const items = entries.map((entry, i) => {
    const inside = entry.context.locations
      .filter(({ item_name }) => item_name !== '')
      .map(({ item_type, item_name }) => `${item_type} '${item_name}'`);
    const where = inside.length === 0 ? '' : `   in ${inside.join(', ')}\n`;
    const help = entry.help === undefined ? '' : `   help: ${entry.help}\n`;
    const head = `${i + 1}. ${entry.code}: ${entry.message}\n   at ${file}:${entry.line}:${entry.column}\n`;
    return `${head}${where}${indent(entry.context.snippet)}${help}`;
  });
  return `${entries.length} ${kind}${entries.length > 1 ? 's' : ''}:\n${items.join('')}`;
}

function indent(text: string): string {
  return text.replace(/^(?=.)/gm, '   ');
}
