import { Agent as HttpAgent, validateHeaderName, validateHeaderValue } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';
import type { Alert } from '../../engine/core/alert.ts';
import { AppError, EXIT } from '../../engine/core/diagnostic.ts';
import { FORMATS, type Formatter, makeFormatter } from '../formats/formats.ts';
import { type FormatOptions, formatSchema } from '../options.ts';
import { type Output, type OutputContext, type OutputType, SendError } from '../output.ts';
import { loadTls, readSecret, type TlsOptions, tlsSchema } from '../tls.ts';
import { post, type Reply } from './post.ts';

interface Config extends FormatOptions {
  readonly url: string;
  readonly body: 'single' | 'array' | 'lines';
  readonly headers: Readonly<Record<string, string>>;
  readonly bearer_token_file?: string;
  readonly basic_user?: string;
  readonly basic_password_file?: string;
  readonly secret_header?: { readonly name: string; readonly value_file: string };
  readonly tls: TlsOptions;
}

const file = (description: string) => ({ type: 'string', minLength: 1, description }) as const;

/** A webhook. With the defaults what falcosidekick and receivers of Falco's http_output expect. */
export const httpOutput = {
  type: 'http',
  title: 'Posts alerts to an HTTP(S) address, one JSON document each as Falco does, or in batches.',
  queue: { batch: 64, policy: 'drop_newest' },
  schema: {
    type: 'object',
    required: ['url'],
    properties: {
      ...formatSchema('falco_json'),
      url: { type: 'string', pattern: '^https?://', description: 'Where to post.' },
      body: {
        type: 'string',
        enum: ['single', 'array', 'lines'],
        default: 'single',
        description: 'One alert a request, a JSON array, or one alert a line.',
      },
      headers: {
        type: 'object',
        additionalProperties: { type: 'string' },
        default: {},
        description: 'Further headers; secrets belong in the options with files.',
      },
      bearer_token_file: file('File with a token for `Authorization: Bearer`.'),
      basic_user: { type: 'string', description: 'User of basic authentication.' },
      basic_password_file: file('File with its password.'),
      secret_header: {
        type: 'object',
        description: 'A header whose value is a secret.',
        additionalProperties: false,
        required: ['name', 'value_file'],
        properties: { name: file('Name of the header.'), value_file: file('File with the value.') },
      },
      tls: tlsSchema,
    },
  },
  async open(config: Config, context: OutputContext) {
    const output = new HttpOutput(config, context);
    await output.reopen();
    return output;
  },
} as const satisfies OutputType;

/** The receiver will never like this alert. Anything else may be mended by somebody (a token, a path) or by time. */
const REFUSED = new Set([400, 413, 415, 422]);

class HttpOutput implements Output {
  readonly #config: Config;
  readonly #url: URL;
  readonly #format: Formatter;
  readonly #version: string;
  #agent: HttpAgent | HttpsAgent = new HttpAgent();
  #headers: Record<string, string> = {};

  constructor(config: Config, context: OutputContext) {
    this.#config = config;
    this.#url = new URL(config.url);
    if (this.#url.username || this.#url.password) {
      const help = 'use basic_user and basic_password_file';
      throw new AppError('E_OUTPUT_CONFIG', `outputs.${context.name}.url must not hold a password`, {
        exitCode: EXIT.invalid,
        help,
      });
    }
    this.#format = makeFormatter(config.format, config, context);
    this.#version = context.version;
  }

  async reopen(): Promise<void> {
    const before = this.#agent;
    const headers = await this.#makeHeaders();
    const options = { keepAlive: true, maxSockets: 1 };
    this.#agent =
      this.#url.protocol === 'https:'
        ? new HttpsAgent({ ...options, ...(await loadTls(this.#config.tls)) })
        : new HttpAgent(options);
    this.#headers = headers;
    before.destroy();
  }

  async #makeHeaders(): Promise<Record<string, string>> {
    const { headers, bearer_token_file, basic_user, basic_password_file, secret_header } = this.#config;
    const out: Record<string, string> = { 'user-agent': `ringfence/${this.#version}`, ...headers };
    if (bearer_token_file) out.authorization = `Bearer ${await readSecret(bearer_token_file)}`;
    if (basic_user !== undefined) {
      const password = basic_password_file ? await readSecret(basic_password_file) : '';
      out.authorization = `Basic ${Buffer.from(`${basic_user}:${password}`).toString('base64')}`;
    }
    if (secret_header) out[secret_header.name] = await readSecret(secret_header.value_file);
    for (const [name, value] of Object.entries(out)) {
      // Or every request would fail: a line feed in a token file is enough.
      validateHeaderName(name);
      validateHeaderValue(name, value);
    }
    return out;
  }

  async send(batch: readonly Alert[], signal: AbortSignal): Promise<void> {
    if (this.#config.body !== 'single') {
      const reply = await this.#post(batch, signal);
      if (ok(reply)) return;
      // One alert of the batch may be at fault: find out which.
      if (!REFUSED.has(reply.status) || batch.length === 1) throw failure(reply, 0);
    }
    for (const [i, alert] of batch.entries()) {
      let reply: Reply;
      try {
        reply = await this.#post([alert], signal);
      } catch (error) {
        throw new SendError(error instanceof Error ? error.message : String(error), { delivered: i });
      }
      if (!ok(reply)) throw failure(reply, i);
    }
  }

  #post(alerts: readonly Alert[], signal: AbortSignal): Promise<Reply> {
    const texts = alerts.map(this.#format);
    const { body, format } = this.#config;
    const text = body === 'array' ? `[${texts.join(',')}]` : texts.join('\n');
    const type = body === 'lines' ? 'application/x-ndjson' : FORMATS[format].contentType;
    const headers = { 'content-type': type, ...this.#headers };
    return post({ url: this.#url, agent: this.#agent, headers, body: Buffer.from(text), signal });
  }

  async close(): Promise<void> {
    this.#agent.destroy();
  }
}

const ok = ({ status }: Reply): boolean => status >= 200 && status < 300;

function failure(reply: Reply, delivered: number): SendError {
  const retryable = !REFUSED.has(reply.status);
  return new SendError(`the receiver answered ${reply.status} ${reply.text}`.trim(), {
    delivered,
    retryable,
    retryAfterMs: reply.retryAfterMs,
  });
}
