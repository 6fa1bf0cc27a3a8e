import { Hono } from 'hono';
import { hostAllowed, tokenHolds } from './guard.ts';

/** The answer of a health check: what was looked at, and what was found. */
export interface Health {
  readonly ok: boolean;
  readonly checks: Readonly<Record<string, { readonly ok: boolean; readonly detail?: string }>>;
}

export interface ServeSources {
  /** Prometheus text. */
  readonly metrics: () => Promise<string>;
  /** The process turns over. */
  readonly live: () => Health | Promise<Health>;
  /** Programs attached, rules loaded, audit writable. */
  readonly ready: () => Health | Promise<Health>;
  readonly version: Readonly<Record<string, string>>;
}

export interface AppOptions {
  readonly token?: string | undefined;
  readonly allowedHosts: readonly string[];
  /** A unix socket: who reaches it has passed the file system's checks, and no browser does. */
  readonly local: boolean;
}

const OPEN = new Set(['/livez', '/readyz', '/healthz']);

/** The routes, apart from any socket. */
export function statusApp(sources: ServeSources, options: AppOptions): Hono {
  const app = new Hono();
  app.use(async (context, next) => {
    const { method, path } = context.req;
    context.header('Cache-Control', 'no-store');
    context.header('X-Content-Type-Options', 'nosniff');
    if (!options.local && !hostAllowed(context.req.header('host'), options.allowedHosts)) {
      return context.text('unknown host name in the request\n', 421);
    }
    if (method !== 'GET' && method !== 'HEAD')
      return context.text('read-only\n', 405, { Allow: 'GET, HEAD' });
    if (options.token && !OPEN.has(path) && !tokenHolds(context.req.header('authorization'), options.token)) {
      return context.text('a token is needed\n', 401, { 'WWW-Authenticate': 'Bearer' });
    }
    return next();
  });
  app.get('/metrics', async (context) =>
    context.body(await sources.metrics(), 200, {
      'Content-Type': 'text/plain; version=0.0.4; charset=utf-8',
    }),
  );
  const health = (path: string, look: () => Health | Promise<Health>): void => {
    app.get(path, async (context) => {
      const answer = await look();
      return context.json(answer, answer.ok ? 200 : 503);
    });
  };
  health('/livez', sources.live);
  health('/readyz', sources.ready);
  health('/healthz', sources.ready);
  app.get('/version', (context) => context.json(sources.version));
  app.notFound((context) => context.text('/metrics /livez /readyz /healthz /version\n', 404));
  app.onError((error, context) => context.text(`${error.message}\n`, 500));
  return app;
}
