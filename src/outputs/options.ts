import type { ObjectSchema, Schema } from '../engine/core/check-schema.ts';
import { PRIORITY_WORDS } from '../engine/core/priority.ts';
import { TIMER_MAX_MS } from '../engine/core/units.ts';
import type { FalcoOptions } from './formats/falco.ts';
import { FORMAT_NAMES, type FormatName } from './formats/formats.ts';
import type { OutputType } from './output.ts';

/** The options that every output has. */
export interface QueueOptions {
  readonly enabled: boolean;
  readonly type: string;
  readonly queue: { readonly capacity: number; readonly policy: 'drop_oldest' | 'drop_newest' | 'spill' };
  readonly batch: { readonly max_alerts: number; readonly max_wait_ms: number };
  readonly retry: {
    readonly initial_ms: number;
    readonly max_ms: number;
    readonly deadline_ms: number;
  };
  readonly send_timeout_ms: number;
  readonly filter: {
    readonly minimum_priority: string;
    readonly tags: readonly string[];
    readonly condition?: string;
  };
  readonly rate_limit?: {
    readonly alerts_per_second: number;
    readonly burst: number;
    readonly summary_ms: number;
  };
  readonly spool: {
    readonly path?: string;
    readonly max_bytes: number;
    readonly segment_bytes: number;
    readonly fsync: 'always' | 'interval' | 'never';
    readonly write_ahead: boolean;
  };
}

/** Outputs that write text or JSON have these. */
export interface FormatOptions extends FalcoOptions {
  readonly format: FormatName;
}

const count = (description: string, value: number, minimum = 1): Schema => ({
  type: 'integer',
  description,
  default: value,
  minimum,
  maximum: TIMER_MAX_MS,
});
const group = (description: string, properties: Record<string, Schema>, optional = false): ObjectSchema => ({
  type: 'object',
  description,
  additionalProperties: false,
  properties,
  ...(optional ? {} : { default: {} }),
});
const toggle = (description: string, value: boolean): Schema => ({
  type: 'boolean',
  description,
  default: value,
});

/** Options of every output, with the defaults that fit its kind. */
export function queueSchema(kind: OutputType): Readonly<Record<string, Schema>> {
  return {
    enabled: toggle('false switches the output off without removing its configuration.', true),
    type: { type: 'string', description: 'Kind of output; the name of the entry if absent.' },
    queue: group('The alerts that wait for this output.', {
      capacity: count('Places in memory.', 10_000),
      policy: {
        type: 'string',
        enum: ['drop_oldest', 'drop_newest', 'spill'],
        default: kind.queue.policy,
        description: 'What gives way when the queue is full; `spill` continues on disk.',
      },
    }),
    batch: group('How alerts are put together.', {
      max_alerts: count('Most alerts in one batch.', kind.queue.batch),
      max_wait_ms: count('How long an incomplete batch waits for more.', 0, 0),
    }),
    retry: group('What happens after a failure: waits double from `initial_ms` to `max_ms`, with jitter.', {
      initial_ms: count('First wait.', 200),
      max_ms: count('Longest wait.', 30_000),
      deadline_ms: count(
        'Give a batch up (counted) after so long; 0 = never; not used with `spill`.',
        60_000,
        0,
      ),
    }),
    send_timeout_ms: count('Longest time for one attempt.', 10_000),
    filter: group('Which alerts this output gets.', {
      minimum_priority: {
        type: 'string',
        enum: PRIORITY_WORDS,
        default: 'debug',
        description: 'This priority and more severe ones.',
      },
      tags: {
        type: 'array',
        items: { type: 'string' },
        default: [],
        description: 'Only alerts with at least one of these tags; empty = all.',
      },
      condition: {
        type: 'string',
        description:
          'A condition in the rule language over `alert.rule`, `.priority`, `.severity`, `.tags`, `.source`, `.host`, `.guarantee`, `.tier`, `.message`, and the fields that the rule prints.',
      },
    }),
    rate_limit: {
      ...group(
        'At most so many alerts of one rule; a summary alert tells what was suppressed.',
        {
          alerts_per_second: { type: 'number', minimum: 0.001, description: 'Sustained rate of each rule.' },
          burst: count('So many at once.', 100),
          summary_ms: count('Time between two summaries.', 10_000, 100),
        },
        true,
      ),
      required: ['alerts_per_second'],
    },
    spool: group('The queue on disk of policy `spill`.', {
      path: { type: 'string', minLength: 1, description: 'Folder; in the state folder if absent.' },
      max_bytes: count('Most bytes on disk.', 256 * 1024 * 1024, 65_536),
      segment_bytes: count('Size of one segment file.', 8 * 1024 * 1024, 4096),
      fsync: {
        type: 'string',
        enum: ['always', 'interval', 'never'],
        default: 'interval',
        description:
          'When data is forced to the disk: after every write, once a second, or when the kernel likes. It matters for power loss only: a killed process loses nothing that was written.',
      },
      write_ahead: toggle(
        'Every alert goes to disk before it is sent, not only those that cannot be sent at once.',
        kind.queue.writeAhead ?? false,
      ),
    }),
  };
}

/** Options of outputs that write text or JSON. */
export function formatSchema(format: FormatName): Readonly<Record<string, Schema>> {
  return {
    format: { type: 'string', enum: FORMAT_NAMES, default: format, description: 'Form of an alert.' },
    time_format_iso_8601: toggle('ISO 8601 in UTC instead of the local time of day before a text.', false),
    json_include_output_property: toggle('falco_json: the text, with time and priority.', true),
    json_include_message_property: toggle('falco_json: the text without time and priority.', false),
    json_include_output_fields_property: toggle('falco_json: the fields.', true),
    json_include_tags_property: toggle('falco_json: the tags.', true),
    json_include_ringfence_property: toggle(
      'falco_json: guarantee, tier, boot id, rule file and line.',
      true,
    ),
  };
}

/** The whole schema of one kind of output. */
export function outputSchema(kind: OutputType): ObjectSchema {
  return {
    type: 'object',
    description: kind.title,
    additionalProperties: false,
    properties: { ...queueSchema(kind), ...kind.schema.properties },
    ...(kind.schema.required ? { required: kind.schema.required } : {}),
  };
}
