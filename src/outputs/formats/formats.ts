import type { Alert } from '../../engine/core/alert.ts';
import { cef } from './cef.ts';
import { cloudEventJson } from './cloudevents.ts';
import { ecsJson } from './ecs.ts';
import { type FalcoOptions, falcoJson, falcoText } from './falco.ts';
import { ocsfJson } from './ocsf.ts';
import { rfc5424, SYSLOG_DEFAULTS } from './rfc5424.ts';

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
  ocsf: { contentType: 'application/json', make: (_, context) => (alert) => ocsfJson(alert, context) },
  ecs: { contentType: 'application/json', make: (_, context) => (alert) => ecsJson(alert, context) },
  cef: { contentType: 'text/plain', make: (_, context) => (alert) => cef(alert, context) },
  rfc5424: {
    contentType: 'text/plain',
    make: (options) => (alert) => rfc5424(alert, falcoText(alert, options), SYSLOG_DEFAULTS),
  },
  cloudevents: {
    contentType: 'application/cloudevents+json',
    make: (options) => (alert) => cloudEventJson(alert, options),
  },
} as const satisfies Record<string, FormatSpec>;

export type FormatName = keyof typeof FORMATS;
export const FORMAT_NAMES = Object.keys(FORMATS) as FormatName[];

/** The function that turns an alert into one line of the named format. */
export function makeFormatter(name: FormatName, options: FalcoOptions, context: FormatContext): Formatter {
  const format: FormatSpec = FORMATS[name];
  return format.make(options, context);
}
