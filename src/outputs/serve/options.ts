import type { ObjectSchema } from '../../engine/core/check-schema.ts';

/** The HTTP server for metrics and health. */
export interface ServeConfig {
  readonly enabled: boolean;
  /** `host:port`; brackets around IPv6. */
  readonly listen: string;
  /** A unix socket instead of `listen`. */
  readonly socket?: string;
  readonly token_file?: string;
  readonly allowed_hosts: readonly string[];
}

export const serveSchema = {
  type: 'object',
  description: 'HTTP server for /metrics, /livez, /readyz, /healthz and /version. Read-only.',
  additionalProperties: false,
  default: {},
  properties: {
    enabled: { type: 'boolean', default: false, description: 'Whether it listens.' },
    listen: {
      type: 'string',
      pattern: '^(\\[[0-9a-fA-F:.]+\\]|[^:\\[\\]]+):[0-9]{1,5}$',
      default: '127.0.0.1:8765',
      description: 'Address and port. The metrics tell an attacker what is not watched: keep it on loopback.',
    },
    socket: { type: 'string', minLength: 1, description: 'A unix socket (mode 0660) instead of `listen`.' },
    token_file: {
      type: 'string',
      minLength: 1,
      description: 'File with a token that /metrics and /version ask for (`Authorization: Bearer`).',
    },
    allowed_hosts: {
      type: 'array',
      items: { type: 'string' },
      default: [],
      description: 'Host names by which the server may be called, beside localhost and addresses.',
    },
  },
} as const satisfies ObjectSchema;
