import { type Agent, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';

export interface Post {
  readonly url: URL;
  readonly agent: Agent;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  readonly signal: AbortSignal;
}

export interface Reply {
  readonly status: number;
  /** The beginning of the body, for the log. */
  readonly text: string;
  readonly retryAfterMs: number | undefined;
}

const KEEP = 200;
const MAX_BODY = 64 * 1024;
const MAX_RETRY_AFTER_MS = 300_000;

/** One POST; resolves with any answer, rejects if there is none. */
export function post({ url, agent, headers, body, signal }: Post): Promise<Reply> {
  const request = url.protocol === 'https:' ? requestHttps : requestHttp;
  return new Promise((resolve, reject) => {
    const outgoing = request(
      url,
      { method: 'POST', agent, signal, headers: { ...headers, 'content-length': body.length } },
      (response) => void readReply(response).then(resolve, reject),
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

async function readReply(response: IncomingMessage): Promise<Reply> {
  let text = '';
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (text.length < KEEP) text += chunk.toString('latin1');
    // An endless answer: the status is known, and that is all we want.
    if (size > MAX_BODY) break;
  }
  return {
    status: response.statusCode ?? 0,
    text: text.slice(0, KEEP).replace(/[^\x20-\x7e]+/g, ' '),
    retryAfterMs: retryAfter(response.headers['retry-after']),
  };
}

/** Seconds or a date, bounded: a receiver must not be able to silence us for a day. */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  const seconds = Number(value);
  const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(value) - Date.now();
  return Number.isFinite(ms) ? Math.min(Math.max(ms, 0), MAX_RETRY_AFTER_MS) : undefined;
}
