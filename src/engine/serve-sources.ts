import { release } from 'node:os';
import type { Health, ServeSources } from '../outputs/serve/app.ts';
import { VERSION } from './core/package.ts';
import type { Engine } from './main.ts';

const ANSWER_MS = 2000;

/** What the HTTP server shows of an engine. */
export function serveSources(engine: Engine): ServeSources {
  return {
    metrics: () => engine.metrics.text(),
    live: () => ({ ok: true, checks: { loop: { ok: true } } }),
    ready: () => readiness(engine),
    version: { version: VERSION, node: process.versions.node, kernel: release() },
  };
}

/** Ready is: the engine thread answers, the sensors see, rules are in force, and the audit takes rows. */
async function readiness(engine: Engine): Promise<Health> {
  const rules = engine.report?.rules ?? 0;
  const answers = await Promise.race([
    engine.ask('ping').then(
      () => true,
      () => false,
    ),
    new Promise<false>((resolve) => setTimeout(() => resolve(false), ANSWER_MS).unref()),
  ]);
  const audit = engine.auditState;
  const checks = {
    engine: { ok: answers, detail: answers ? 'answers' : `no answer within ${ANSWER_MS} ms` },
    sensors: { ok: engine.seeing, detail: engine.seeing ? 'see' : 'the canary did not come back' },
    rules: { ok: engine.report !== undefined, detail: `${rules} in force` },
    ...(audit && { audit: { ok: audit.ok, detail: audit.reason ?? 'is written' } }),
  };
  return { ok: Object.values(checks).every((check) => check.ok), checks };
}
