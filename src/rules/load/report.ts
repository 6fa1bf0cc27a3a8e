/** Diagnostics of rule files, with Falco's codes. */
import type { Diagnostic } from '../../engine/core/diagnostic.ts';
import { offsetOf, type Place } from './source.ts';

export const ERROR_CODES = {
  LOAD_ERR_FILE_READ: 'File read error',
  LOAD_ERR_YAML_PARSE: 'YAML parse error',
  LOAD_ERR_YAML_VALIDATE: 'The file is YAML, but not of the shape of a rules file',
  LOAD_ERR_COMPILE_CONDITION: 'Error compiling condition',
  LOAD_ERR_COMPILE_OUTPUT: 'Error compiling output',
  LOAD_ERR_VALIDATE: 'A rule, macro, list or exception does not fit with the others',
  LOAD_ERR_EXTENSION: 'Error in extension item',
} as const;

export const WARNING_CODES = {
  LOAD_UNKNOWN_SOURCE: 'Unknown event source',
  LOAD_UNSAFE_NA_CHECK: 'A field is compared with <NA>',
  LOAD_NO_EVTTYPE: 'The condition is open to (nearly) all events',
  LOAD_UNKNOWN_FILTER: 'A rule was skipped: it names an unknown field or event',
  LOAD_UNUSED_MACRO: 'Unused macro',
  LOAD_UNUSED_LIST: 'Unused list',
  LOAD_UNKNOWN_ITEM: 'Unknown entry',
  LOAD_UNKNOWN_KEY: 'Unknown key in an item',
  LOAD_DEPRECATED_ITEM: 'Something deprecated is used',
  LOAD_WARNING_EXTENSION: 'Warning in extension item',
  LOAD_APPEND_NO_VALUES: 'Exception appended without values',
  LOAD_EXCEPTION_NAME_NOT_UNIQUE: 'Several exceptions of one rule have the same name',
  LOAD_INVALID_MACRO_NAME: 'Invalid macro name',
  LOAD_INVALID_LIST_NAME: 'Invalid list name',
  LOAD_COMPILE_CONDITION: 'Something in the condition may not be meant',
  LOAD_DUPLICATE_KEY: 'A key stands twice in one mapping',
} as const;

export type ErrorCode = keyof typeof ERROR_CODES;
export type WarningCode = keyof typeof WARNING_CODES;

/** A diagnostic with the chain of places that Falco's JSON result shows. */
export interface RuleDiagnostic extends Diagnostic {
  readonly code: ErrorCode | WarningCode;
  readonly file: string;
  readonly line: number;
  readonly column: number;
  readonly offset: number;
  readonly snippet: string;
  readonly locations: readonly Location[];
}

export interface Location {
  readonly item_type: string;
  readonly item_name: string;
  readonly position: {
    readonly name: string;
    /** 0-based, as in Falco's JSON. */
    readonly line: number;
    readonly column: number;
    readonly offset: number;
  };
}

/** Collects diagnostics in the order in which they are found. */
export class Report {
  readonly diagnostics: RuleDiagnostic[] = [];
  private readonly seen = new Set<string>();

  get failed(): boolean {
    return this.diagnostics.some((diagnostic) => diagnostic.severity === 'error');
  }

  error(code: ErrorCode, message: string, place: Place, help?: string): undefined {
    this.add('error', code, message, place, help);
    return undefined;
  }

  warning(code: WarningCode, message: string, place: Place, help?: string): void {
    this.add('warning', code, message, place, help);
  }

  private add(
    severity: Diagnostic['severity'],
    code: ErrorCode | WarningCode,
    message: string,
    place: Place,
    help: string | undefined,
  ): void {
    const offset = offsetOf(place);
    const { file } = place;
    const rule = place.steps.find(
      (step) => step.type === 'rule' || step.type === 'macro' || step.type === 'list',
    );
    const key = [code, message, file.name, offset, rule?.type, rule?.name].join('\0');
    if (this.seen.has(key)) return;
    this.seen.add(key);
    this.diagnostics.push({
      severity,
      code,
      message,
      file: file.name,
      ...file.position(offset),
      offset: file.byteOffset(offset),
      snippet: file.snippet(offset),
      ...(help === undefined ? {} : { help }),
      context: place.steps.map(({ type, name }) => ({ type, name })),
      locations: place.steps.map((step) => location(place, step)),
    });
  }
}

function location(place: Place, step: Place['steps'][number]): Location {
  const { line, column } = place.file.position(step.offset);
  return {
    item_type: step.type,
    item_name: step.name,
    position: {
      name: place.file.name,
      line: line - 1,
      column: column - 1,
      offset: place.file.byteOffset(step.offset),
    },
  };
}
