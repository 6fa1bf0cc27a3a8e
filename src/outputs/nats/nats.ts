import { formatSchema } from '../options.ts';
import type { OutputContext, OutputType } from '../output.ts';
import { type NatsOutputConfig, natsConnectionSchema } from './options.ts';

const count = (description: string, value: number, minimum = 1) =>
  ({ type: 'integer', minimum, default: value, description }) as const;

/** NATS JetStream: acknowledged, deduplicated by the alert's uuid, kept on disk while the server is away. */
export const natsOutput = {
  type: 'nats',
  title: 'Publishes alerts to NATS, one subject per host, priority and rule; waits on disk while it is away.',
  queue: { batch: 256, policy: 'spill', writeAhead: true },
  schema: {
    type: 'object',
    properties: {
      ...formatSchema('falco_json'),
      ...natsConnectionSchema,
      mode: {
        type: 'string',
        enum: ['jetstream', 'core'],
        default: 'jetstream',
        description: '`core` has neither acknowledgement nor storage: who does not listen misses the alert.',
      },
      stream: {
        type: 'string',
        pattern: '^[A-Za-z0-9_-]+$',
        default: 'RINGFENCE_ALERTS',
        description: 'jetstream: the stream that must store the alerts.',
      },
      max_in_flight: count('Messages sent before the first is acknowledged.', 256),
      ack_timeout_ms: count('How long to wait for an acknowledgement.', 5000),
      create_stream: {
        type: 'object',
        description: 'Make the stream if it does not exist; usually its operator does.',
        additionalProperties: false,
        properties: {
          replicas: count('Copies.', 1),
          max_age_days: count('Alerts are kept so long.', 30),
          max_bytes: count('Most bytes; -1 = no limit.', -1, -1),
          duplicate_window_ms: count('Time in which a repeated alert is recognised.', 120_000, 100),
        },
      },
    },
  },
  async open(config: NatsOutputConfig, context: OutputContext) {
    // The package takes a while to load: only who uses it waits.
    const { NatsOutput } = await import('./nats-output.ts');
    return new NatsOutput(config, context);
  },
} as const satisfies OutputType;
