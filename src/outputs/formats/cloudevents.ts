import type { Alert } from '../../engine/core/alert.ts';
import { type FalcoOptions, falcoDocument } from './falco.ts';
import { stringify } from './json.ts';
import { rfc3339Nano } from './time.ts';

const TYPE = 'io.ringfence.alert.v1';

/** The attributes of the CloudEvent that an alert is. */
export function cloudEventAttributes(alert: Alert): Readonly<Record<string, string>> {
  return {
    specversion: '1.0',
    id: alert.uuid,
    source: `/ringfence/${encodeURIComponent(alert.hostname)}`,
    type: TYPE,
    time: rfc3339Nano(alert.timeNs),
    subject: alert.rule,
    datacontenttype: 'application/json',
  };
}

/** CloudEvents 1.0 in structured mode: the attributes, and Falco's document as data. */
export function cloudEventJson(alert: Alert, options: FalcoOptions = {}): string {
  return stringify({ ...cloudEventAttributes(alert), data: falcoDocument(alert, options) });
}

/** Header values of the binary mode: printable ASCII; anything else percent-encoded as UTF-8, as bindings ask. */
export function cloudEventHeaders(alert: Alert): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [key, value] of Object.entries(cloudEventAttributes(alert))) {
    headers[`ce-${key}`] = value.replace(/[^\x21\x23\x24\x26-\x7e]/gu, percentEncode);
  }
  return headers;
}

function percentEncode(char: string): string {
  return Buffer.from(char, 'utf8').toString('hex').toUpperCase().replace(/../g, '%$&');
}
