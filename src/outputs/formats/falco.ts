import type { Alert } from '../../engine/core/alert.ts';
import { PRIORITIES } from '../../engine/core/priority.ts';
import { type Json, stringify } from './json.ts';
import { escapeText } from './text.ts';
import { prefixTime, rfc3339Nano } from './time.ts';

/** The options of Falco's configuration that shape an alert, under their own names. */
export interface FalcoOptions {
  readonly time_format_iso_8601?: boolean;
  readonly json_include_output_property?: boolean;
  readonly json_include_message_property?: boolean;
  readonly json_include_output_fields_property?: boolean;
  readonly json_include_tags_property?: boolean;
  /** Our own member `ringfence`: guarantee, tier, boot id, rule file... */
  readonly json_include_ringfence_property?: boolean;
}

/** Time, priority and message, as a rule's output is printed; not escaped. */
export function prefixed(alert: Alert, iso8601 = false): string {
  return `${prefixTime(alert.timeNs, iso8601)}: ${PRIORITIES[alert.priority]} ${alert.message}`;
}

/** Falco's text line, without the line feed. */
export function falcoText(alert: Alert, options: FalcoOptions = {}): string {
  return escapeText(prefixed(alert, options.time_format_iso_8601));
}

/** Falco's JSON document on one line, keys in alphabetical order, with our members `ringfence` and `uuid`. */
export function falcoJson(alert: Alert, options: FalcoOptions = {}): string {
  return stringify(falcoDocument(alert, options));
}

export function falcoDocument(alert: Alert, options: FalcoOptions = {}): { readonly [key: string]: Json } {
  const iso = options.time_format_iso_8601 ?? false;
  return {
    hostname: alert.hostname,
    message: options.json_include_message_property ? alert.message : undefined,
    output: options.json_include_output_property === false ? undefined : prefixed(alert, iso),
    output_fields:
      options.json_include_output_fields_property === false ? undefined : outputFields(alert, iso),
    priority: PRIORITIES[alert.priority],
    ringfence: options.json_include_ringfence_property === false ? undefined : ringfenceMember(alert),
    rule: alert.rule,
    source: alert.source,
    tags: options.json_include_tags_property === false ? undefined : alert.tags,
    time: rfc3339Nano(alert.timeNs),
    uuid: alert.uuid,
  };
}

/** The fields in alphabetical order, among them the time of the prefix as epoch nanoseconds. */
export function outputFields(alert: Alert, iso8601 = false): { readonly [key: string]: Json } {
  const timeKey = iso8601 ? 'evt.time.iso8601' : 'evt.time';
  const keys = Object.keys(alert.fields);
  if (!(timeKey in alert.fields)) keys.push(timeKey);
  // A Map-like object: integer-looking keys would jump to the front, but no field is named like that.
  const out: Record<string, Json> = Object.create(null);
  for (const key of keys.sort()) out[key] = key === timeKey ? alert.timeNs : (alert.fields[key] ?? null);
  return out;
}

/** What only Ringfence knows about an alert. */
export function ringfenceMember(alert: Alert): { readonly [key: string]: Json } {
  return {
    boot_id: alert.bootId,
    deny_entry: alert.denyEntry,
    guarantee: alert.guarantee,
    policy_generation: alert.policyGeneration,
    rule_file: alert.location?.file,
    rule_line: alert.location?.line,
    tier: alert.tier,
  };
}
