import { createHash } from 'node:crypto';
import { release } from 'node:os';
import { type Actor, actorEntry, type Entry, entry, lossEntry } from '../outputs/audit/entry.ts';
import type { Json } from '../outputs/formats/json.ts';
import type { Config } from './config/config.ts';
import type { ConfigChange } from './config-change.ts';
import type { Alert } from './core/alert.ts';
import { AppError } from './core/diagnostic.ts';
import { toJson } from './core/json.ts';
import { VERSION } from './core/package.ts';
import type { CanaryChange, CanaryState } from './pipeline/canary.ts';
import { LOSS_RULE } from './pipeline/loss-report.ts';
import type { EngineReport } from './thread/protocol.ts';

/** The engine itself, as the one who did something. */
export const ENGINE: Actor = { uid: process.geteuid?.(), pid: process.pid, exe: process.execPath };

/** The engine started; `stop` is its counterpart. */
export function startRow(config: Config): Entry {
  const { mode } = config;
  return actorEntry('start', ENGINE, {
    summary: 'engine started',
    version: VERSION,
    kernel: release(),
    mode,
  });
}

export function stopRow(reason: string): Entry {
  return actorEntry('stop', ENGINE, { summary: 'engine stopped', reason });
}

/** What is in force from now on. */
export function policyRow({ rules, skipped, tiers, diff }: EngineReport): Entry {
  const summary = `${rules} rules in force`;
  return entry('policy', {
    summary,
    rules,
    skipped: skipped.map(({ rule, reason }) => ({ rule, reason })),
    tiers,
    diff: diff && { added: diff.added, removed: diff.removed, changed: diff.changed },
  });
}

/** A reload that left everything as it was. */
export function refusedPolicyRow(error: unknown): Entry {
  const code = error instanceof AppError ? error.code : 'E_INTERNAL';
  const reason = error instanceof Error ? error.message : String(error);
  return entry('policy', { summary: 'reload failed, the old rules stay in force', code, reason });
}

/** The configuration was read again, and is another. */
export function configRow({ applied, atRestart }: ConfigChange): Entry {
  return entry('policy', {
    summary: 'configuration changed',
    applied: [...applied],
    at_restart: [...atRestart],
  });
}

/** Monitor became enforce, or the other way round; undefined if neither. */
export function modeRow(before: Config, after: Config): Entry | undefined {
  if (before.mode === after.mode) return undefined;
  const summary = `mode ${before.mode} became ${after.mode}`;
  return entry('mode', { summary, from: before.mode, to: after.mode });
}

/** Somebody read the audit with the command line. */
export function readRow(actor: Actor, args: Readonly<Record<string, unknown>>): Entry {
  const command = typeof args.command === 'string' ? args.command : 'query';
  return actorEntry('read', actor, { summary: `audit ${command}`, command, options: plain(args.options) });
}

/** A question to the deny list that changed it, and what came of it; undefined if it changes nothing. */
export function denyListRow(
  actor: Actor,
  question: string,
  args: Readonly<Record<string, unknown>>,
  result: unknown,
): Entry | undefined {
  if (/\.(list|status)$/.test(question)) return undefined;
  if (!question.startsWith('deny.')) return controlRow(actor, question);
  // A feed can be a megabyte: its digest tells later which one it was.
  const { text, ...request } = args;
  const feed = typeof text === 'string' ? createHash('sha256').update(text).digest('hex') : undefined;
  const target = request.target ?? request.what ?? request.source ?? '';
  return actorEntry('deny_list', actor, {
    summary: `${question} ${String(target)}`,
    action: question.replace(/^deny\./, ''),
    request: plain(request),
    feed_sha256: feed,
    result: plain(result),
  });
}

/** Whatever came over a socket or from a thread, as something that a row can hold. */
function plain(value: unknown): Json {
  return JSON.parse(toJson(value ?? null)) as Json;
}

/** Another command that changes something, through the control socket. */
export function controlRow(actor: Actor, command: string): Entry {
  return actorEntry('control', actor, { summary: command, command });
}

/** The sensors went blind, or see again. */
export function canaryRow(change: CanaryChange, { call, sent, seen }: CanaryState): Entry {
  const summary = change === 'missing' ? 'the sensors do not see' : 'the sensors see again';
  return entry('health', { summary, canary: change, call: call ?? null, sent, seen });
}

/** The row of kind `loss` that goes with an alert about lost events; undefined for any other alert. */
export function lossRow({ rule, source, fields, timeNs }: Alert): Entry | undefined {
  if (source !== 'internal' || rule !== LOSS_RULE) return undefined;
  const { stage, reason, ring, count } = fields;
  return lossEntry({
    stage: String(stage),
    reason: String(reason),
    ring: String(ring),
    count: Number(count),
    fromNs: bound(fields['lost.from'], timeNs),
    toNs: bound(fields['lost.to'], timeNs),
  });
}

const bound = (value: unknown, otherwise: bigint): bigint => (typeof value === 'bigint' ? value : otherwise);
