import type { Schema } from '../engine/core/check-schema.ts';
import { AUDIT_SCHEMA } from './audit/config.ts';
import { consoleOutput } from './console.ts';
import { fileOutput } from './file.ts';
import { httpOutput } from './http/http.ts';
import { natsOutput } from './nats/nats.ts';
import { outputSchema } from './options.ts';
import type { OutputType } from './output.ts';
import { programOutput } from './program.ts';
import { syslogOutput } from './syslog/syslog.ts';

/** Every kind of output: one line each. */
export const OUTPUT_TYPES: readonly OutputType[] = [
  consoleOutput,
  fileOutput,
  syslogOutput,
  httpOutput,
  programOutput,
  natsOutput,
];

/** The schemas of the kinds, each made once. */
const SCHEMAS = new Map(OUTPUT_TYPES.map((kind) => [kind.type, outputSchema(kind)]));

const NO_KIND: Schema = {
  type: 'object',
  required: ['type'],
  properties: { type: { type: 'string', enum: [...SCHEMAS.keys()] } },
};

/** The schema of one entry of the section `outputs`: its kind is its `type`, or else its name. */
export function entrySchema(name: string, entry: unknown): Schema {
  if (name === 'audit') return AUDIT_SCHEMA;
  const kind = (entry as { type?: unknown } | null)?.type ?? name;
  return SCHEMAS.get(String(kind)) ?? NO_KIND;
}

/**
 * The schema of the section `outputs` of the configuration: entries by name. The name is also the kind of output,
 * unless the entry says `type`; so there can be two webhooks.
 */
export function outputsSchema() {
  const byName = Object.fromEntries(SCHEMAS);
  return {
    type: 'object',
    description:
      'Where alerts go: entries by name. The name is the kind of output, unless `type` says otherwise.',
    properties: { ...byName, audit: AUDIT_SCHEMA },
    additionalProperties: {
      ...NO_KIND,
      allOf: [...SCHEMAS].map(([type, schema]) => ({
        if: { properties: { type: { const: type } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: schema,
      })),
    },
  } as const;
}
