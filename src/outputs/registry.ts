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

/**
 * The schema of the section `outputs` of the configuration: entries by name. The name is also the kind of output,
 * unless the entry says `type`; so there can be two webhooks.
 */
export function outputsSchema(types: readonly OutputType[] = OUTPUT_TYPES) {
  const byName = Object.fromEntries(types.map((kind) => [kind.type, outputSchema(kind)]));
  return {
    type: 'object',
    description:
      'Where alerts go: entries by name. The name is the kind of output, unless `type` says otherwise.',
    properties: { ...byName, audit: AUDIT_SCHEMA },
    additionalProperties: {
      type: 'object',
      required: ['type'],
      properties: { type: { type: 'string', enum: types.map((kind) => kind.type) } },
      allOf: types.map((kind) => ({
        if: { properties: { type: { const: kind.type } } },
        // biome-ignore lint/suspicious/noThenProperty: a keyword of JSON Schema
        then: outputSchema(kind),
      })),
    },
  } as const;
}

export type OutputsSchema = ReturnType<typeof outputsSchema>;
