import { FIELDS } from '../../rules/fields/index.ts';
import { fromBytes } from '../../rules/index.ts';
import type { Event } from '../enrich/event.ts';

/** A field without argument as text, for tools that show or collect values. */
export function fieldText(name: string): (event: Event) => string | undefined {
  const field = FIELDS.find((row) => row.name === name);
  if (field === undefined) throw new Error(`no field named ${name}`);
  return (event) => {
    const value = field.get(event, undefined);
    return value === undefined ? undefined : fromBytes(String(value));
  };
}
