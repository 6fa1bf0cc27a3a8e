import type { Alert, FieldValue } from '../../engine/core/alert.ts';

/** How a bigint stands in JSON text: no field value is an object otherwise. */
interface Big {
  readonly big: string;
}

type Stored = Exclude<FieldValue, bigint | readonly FieldValue[]> | Big | readonly Stored[];

function store(value: FieldValue): Stored {
  if (typeof value === 'bigint') return { big: value.toString() };
  return Array.isArray(value) ? (value as readonly FieldValue[]).map(store) : (value as Stored);
}

function restore(value: Stored): FieldValue {
  if (value === null || typeof value !== 'object') return value;
  return Array.isArray(value) ? (value as readonly Stored[]).map(restore) : BigInt((value as Big).big);
}

/** An alert as JSON text that gives back the same alert. */
export function encodeAlert(alert: Alert): string {
  const fields: Record<string, Stored> = {};
  for (const key of Object.keys(alert.fields)) fields[key] = store(alert.fields[key] ?? null);
  return JSON.stringify({ ...alert, timeNs: alert.timeNs.toString(), fields });
}

/** Throws if the text is not what encodeAlert gave. */
export function decodeAlert(text: string): Alert {
  const raw = JSON.parse(text) as Omit<Alert, 'timeNs' | 'fields'> & {
    timeNs: string;
    fields: Record<string, Stored>;
  };
  const fields: Record<string, FieldValue> = {};
  for (const key of Object.keys(raw.fields)) fields[key] = restore(raw.fields[key] ?? null);
  return { ...raw, timeNs: BigInt(raw.timeNs), fields };
}
