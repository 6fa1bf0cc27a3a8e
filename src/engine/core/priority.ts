/** Priorities as in syslog: 0 is the most severe. The index is the number, the text is what is printed. */
export const PRIORITIES = [
  'Emergency',
  'Alert',
  'Critical',
  'Error',
  'Warning',
  'Notice',
  'Informational',
  'Debug',
] as const;

export type PriorityName = (typeof PRIORITIES)[number];
export type Priority = 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;

/** What the configuration takes for a priority. */
export const PRIORITY_WORDS: readonly (Lowercase<PriorityName> | 'info')[] = [
  ...PRIORITIES.map((name) => name.toLowerCase() as Lowercase<PriorityName>),
  'info',
];

/** Parses a priority in any case; `info` is `Informational`. Returns undefined for anything else. */
export function parsePriority(text: string): Priority | undefined {
  const lower = text.toLowerCase();
  const index = PRIORITIES.findIndex(
    (name) => name.toLowerCase() === (lower === 'info' ? 'informational' : lower),
  );
  return index < 0 ? undefined : (index as Priority);
}
