import { randomUUID } from 'node:crypto';
import type { Alert } from '../../engine/core/alert.ts';
import { epochNs } from '../../engine/core/clock.ts';
import { PRIORITIES } from '../../engine/core/priority.ts';
import type { Json } from '../formats/json.ts';
import { rfc3339Nano } from '../formats/time.ts';
import { canonicalJson } from './canonical.ts';

/** Every kind of row, with what it records. The documentation and `audit query --kind` are made from this table. */
export const KINDS = {
  alert: 'an alert (observed, or would have been denied)',
  denial: 'an alert whose act was denied or killed',
  deny_list: 'an entry put on or taken off a deny list, or expired',
  policy: 'rules and kernel policy loaded, or a load that failed',
  mode: 'a change between monitor and enforce, of everything or of one rule',
  start: 'the engine started',
  stop: 'the engine stopped in an orderly way',
  loss: 'an interval in which events or rows were not delivered',
  read: 'somebody read the audit',
  health: "the sensor's own state: canary missing or back, degraded, recovered",
  response: 'an act of the engine after an alert',
  control: 'another command through the control socket',
  open: 'first row of a file: host, boot, key, and the file before it',
  seal: 'last row of a finished file',
  anchor: 'the head of the chain, signed if there is a key, as it was published',
  key: 'another signing key',
  retention: 'finished files removed or moved away',
  gap: 'rows that had been committed are missing, or a file was damaged',
  clock: 'the wall clock was set',
} as const;

export type Kind = keyof typeof KINDS;

/** A row as it is handed to the writer: everything but its place in the chain. */
export interface Entry {
  readonly kind: Kind;
  /** Nanoseconds since the epoch. */
  readonly timeNs: bigint;
  /** An entry is written once, however often it is handed over under the same uuid. */
  readonly uuid: string;
  /** Canonical JSON of an object. */
  readonly body: string;
}

/** Who did something: a process that spoke to the control socket, or a user at the command line. */
export interface Actor {
  readonly uid?: number | undefined;
  readonly user?: string | undefined;
  readonly pid?: number | undefined;
  readonly exe?: string | undefined;
}

const UUID = /^[0-9A-Za-z-]{1,64}$/;

/** An entry of any kind. `uuid` only where the caller has an identity that outlives a retry. */
export function entry(
  kind: Kind,
  body: { readonly [key: string]: Json },
  options: { readonly timeNs?: bigint; readonly uuid?: string } = {},
): Entry {
  const uuid = options.uuid ?? randomUUID();
  if (!UUID.test(uuid)) throw new TypeError(`not an id for an audit row: ${JSON.stringify(uuid)}`);
  return { kind, timeNs: options.timeNs ?? epochNs(), uuid, body: canonicalJson(body) };
}

/** What a caller can add to an alert's row for whoever asks later why it was raised. */
export interface AlertContext {
  /** The event's fields by name, whether or not the rule's output names them. */
  readonly event?: { readonly [field: string]: Json };
  /** How it was decided: clause, tier, mode, rails, responses. */
  readonly decision?: { readonly [key: string]: Json };
}

/** The row of an alert: Falco's members under Falco's names, then ours, then what the caller adds. */
export function alertEntry(alert: Alert, context: AlertContext = {}): Entry {
  const refused = alert.guarantee === 'denied' || alert.guarantee === 'killed';
  return entry(
    refused ? 'denial' : 'alert',
    {
      uuid: alert.uuid,
      time: rfc3339Nano(alert.timeNs),
      rule: alert.rule,
      priority: PRIORITIES[alert.priority],
      source: alert.source,
      tags: alert.tags,
      hostname: alert.hostname,
      output: alert.message,
      output_fields: alert.fields,
      guarantee: alert.guarantee,
      tier: alert.tier,
      boot_id: alert.bootId,
      policy_generation: alert.policyGeneration,
      location: alert.location && { file: alert.location.file, line: alert.location.line },
      deny_entry: alert.denyEntry,
      event: context.event,
      decision: context.decision,
    },
    { timeNs: alert.timeNs, uuid: alert.uuid },
  );
}

/** An entry of a kind that people or the engine cause, with who did it. */
export function actorEntry(kind: Kind, actor: Actor, body: { readonly [key: string]: Json }): Entry {
  return entry(kind, { ...body, actor: { ...actor } });
}

/** The row for an interval in which something was lost. */
export function lossEntry(loss: {
  readonly stage: string;
  readonly reason: string;
  readonly count: number | bigint;
  readonly fromNs: bigint;
  readonly toNs: bigint;
  readonly [key: string]: Json;
}): Entry {
  const { fromNs, toNs, ...rest } = loss;
  return entry('loss', { ...rest, from: rfc3339Nano(fromNs), to: rfc3339Nano(toNs) }, { timeNs: toNs });
}
