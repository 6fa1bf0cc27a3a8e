import type { Event } from '../enrich/event.ts';
import { fieldText } from './field-text.ts';

/** What is counted, by what. */
export const TOPS = ['processes', 'files', 'endpoints', 'calls'] as const;
export type Top = (typeof TOPS)[number];

export interface TopRow {
  readonly key: string;
  readonly count: number;
}

/** Different keys kept per table: beyond this, rare ones are dropped first. */
const KEYS_MAX = 20_000;

const KEY: Readonly<Record<Top, (event: Event) => string | undefined>> = {
  processes: (() => {
    const [name, exe] = [fieldText('proc.name'), fieldText('proc.exepath')];
    return (event) => `${name(event) ?? '?'} ${exe(event) ?? ''}`;
  })(),
  files: (() => {
    const [type, path] = [fieldText('fd.typechar'), fieldText('fd.name')];
    return (event) => (type(event) === 'f' || type(event) === 'd' ? path(event) : undefined);
  })(),
  endpoints: (() => {
    const [type, path] = [fieldText('fd.typechar'), fieldText('fd.name')];
    // Without the port of the client's side: one line per peer.
    return (event) => (/[46]/.test(type(event) ?? '') ? path(event)?.replace(/^.*->/, '') : undefined);
  })(),
  calls: (event) => event.def.name,
};

/** Counts of events by process, file, peer and system call. Bounded. */
export class TopCounts {
  readonly #tables = new Map<Top, Map<string, number>>(TOPS.map((top) => [top, new Map()]));
  events = 0;

  add(event: Event): void {
    this.events++;
    for (const [top, table] of this.#tables) {
      const key = KEY[top](event);
      if (key === undefined || key === '') continue;
      table.set(key, (table.get(key) ?? 0) + 1);
      if (table.size > KEYS_MAX) halve(table);
    }
  }

  /** The busiest, most first. */
  busiest(top: Top, count: number): TopRow[] {
    return [...(this.#tables.get(top) ?? [])]
      .sort((a, b) => b[1] - a[1])
      .slice(0, count)
      .map(([key, n]) => ({ key, count: n }));
  }

  clear(): void {
    this.events = 0;
    for (const table of this.#tables.values()) table.clear();
  }
}

/** Drops the rarer half. */
function halve(table: Map<string, number>): void {
  const counts = [...table.values()].sort((a, b) => a - b);
  const middle = counts[counts.length >> 1] ?? 0;
  let toDrop = table.size >> 1;
  for (const [key, count] of table) {
    if (toDrop <= 0) return;
    if (count > middle) continue;
    table.delete(key);
    toDrop--;
  }
}
