import { AppError, EXIT } from '../engine/core/diagnostic.ts';
import type { DenyRequest } from './deny/deny-entry.ts';
import type { DenyList } from './deny/deny-list.ts';
import type { Enforcer } from './enforcer.ts';
import type { Guard } from './kernel/guard.ts';

type Args = Readonly<Record<string, unknown>>;

/** THE TABLE of what the control socket can ask of the deny list. */
export const DENY_QUESTIONS: Readonly<Record<string, (list: DenyList, args: Args) => unknown>> = {
  'deny.add': (list, args) => list.add(request(args)),
  'deny.list': (list) => list.list(),
  'deny.remove': (list, args) => list.remove(idOrTarget(args.what)),
  'deny.import': (list, args) =>
    list.import(text(args, 'text') ?? '', { ...request({ ...args, target: '-' }) }, args.more === true),
};

function request(args: Args): DenyRequest {
  return {
    target: text(args, 'target') ?? '',
    port: number(args, 'port'),
    protocol: text(args, 'protocol'),
    scope: text(args, 'scope'),
    reason: text(args, 'reason'),
    source: text(args, 'source'),
    ttl: ttl(args),
  };
}

/** Later than this no clock can say. */
const MAX_TTL_MS = 100 * 365 * 86_400_000;

function ttl(args: Args): number | undefined {
  const value = number(args, 'ttl');
  if (value === undefined || value <= MAX_TTL_MS) return value;
  throw wrong('ttl', 'a hundred years at most');
}

function idOrTarget(what: unknown): number | string {
  if (typeof what === 'number') return what;
  if (typeof what === 'string') return /^\d+$/.test(what) ? Number(what) : what;
  throw wrong('what', 'an id or a target');
}

function text(args: Args, name: string): string | undefined {
  const value = args[name] ?? undefined;
  if (value === undefined || typeof value === 'string') return value;
  throw wrong(name, 'text');
}

function number(args: Args, name: string): number | undefined {
  const value = args[name] ?? undefined;
  if (value === undefined || (typeof value === 'number' && value > 0)) return value;
  throw wrong(name, 'a positive number');
}

function wrong(name: string, what: string): AppError {
  return new AppError('E_USAGE', `"${name}" must be ${what}`, { exitCode: EXIT.usage });
}

/** THE TABLE of what the control socket can ask of the policy. */
export const POLICY_QUESTIONS: Readonly<Record<string, (enforcer: Enforcer) => unknown>> = {
  'policy.status': (enforcer) => enforcer.status(),
  'policy.monitor': (enforcer) => enforcer.watchOnly(true),
  'policy.enforce': (enforcer) => enforcer.watchOnly(false),
  'policy.unload': (enforcer) => enforcer.unload(),
};

const UNLOCK_MS = 600_000;

/** THE TABLE of what the control socket can ask of the engine's protection of itself. */
export const GUARD_QUESTIONS: Readonly<Record<string, (guard: Guard, args: Args) => unknown>> = {
  'guard.status': (guard) => guard.status(),
  'guard.unlock': (guard, args) => guard.unlock(number(args, 'ms') ?? UNLOCK_MS),
  'guard.lock': (guard) => guard.lock(),
};
