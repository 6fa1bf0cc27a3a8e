import type { Alert } from '../../engine/core/alert.ts';
import { type FalcoOptions, falcoJson, falcoText } from './falco.ts';

/** Facts about the sender that some formats carry. */
export interface FormatContext {
  readonly version: string;
}

export type Formatter = (alert: Alert) => string;

interface FormatSpec {
  readonly contentType: string;
  readonly make: (options: FalcoOptions, context: FormatContext) => Formatter;
}

/** Every format, by the name used in the configuration. All give one line without a line feed. */
export const FORMATS = {
  falco_json: { contentType: 'application/json', make: (options) => (alert) => falcoJson(alert, options) },
  falco_text: { contentType: 'text/plain', make: (options) => (alert) => falcoText(alert, options) },
} as const satisfies Record<string, FormatSpec>;

export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];

/** The function that turns an alert into one line of the named format. */
export function makeFormatter(name: FormatName, options: FalcoOptions, context: FormatContext): Formatter {
  const format: FormatSpec = FORMATS[name];
  return format.make(options, context);
}
