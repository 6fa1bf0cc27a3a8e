import { randomUUID } from 'node:crypto';
import type { Alert, FieldValue } from '../engine/core/alert.ts';
import { bootId, epochNs } from '../engine/core/clock.ts';
import type { Priority } from '../engine/core/priority.ts';

/** What an alert about Ringfence itself says. */
export interface InternalNotice {
  readonly rule: string;
  readonly priority: Priority;
  readonly message: string;
  readonly fields: Readonly<Record<string, FieldValue>>;
}

/** An alert that no rule raised: source `internal`, as Falco's own notices have. */
export function internalAlert(notice: InternalNotice, hostname: string): Alert {
  return {
    uuid: randomUUID(),
    timeNs: epochNs(),
    rule: notice.rule,
    priority: notice.priority,
    source: 'internal',
    tags: [],
    hostname,
    message: notice.message,
    fields: notice.fields,
    guarantee: 'observed',
    tier: 'internal',
    bootId: bootId(),
    policyGeneration: 0,
  };
}
