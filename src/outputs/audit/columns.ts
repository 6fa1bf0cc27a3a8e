/** Columns that are read out of a row's body: the places where each may stand, the most telling first. */
export const COLUMNS = {
  priority: { fields: [], members: ['priority'] },
  user: {
    fields: ['user.name', 'user.uid', 'user.loginname', 'user.loginuid'],
    members: ['actor.user', 'actor.uid'],
  },
  process: {
    fields: ['proc.name', 'proc.exepath', 'proc.exe', 'proc.pid'],
    members: ['actor.exe', 'actor.pid'],
  },
  container: {
    fields: ['container.name', 'container.id', 'container.image.repository', 'container.image'],
    members: [],
  },
  text: { fields: [], members: ['output', 'summary'] },
} as const satisfies Record<
  string,
  { readonly fields: readonly string[]; readonly members: readonly string[] }
>;

export type Column = keyof typeof COLUMNS;

/** SQL expressions for the places of a column, as text. */
export function columnSql(column: Column): string[] {
  const { fields, members } = COLUMNS[column];
  const paths = [
    ...fields.flatMap((f) => [`$.output_fields."${f}"`, `$.event."${f}"`]),
    ...members.map((m) => `$.${m}`),
  ];
  return paths.map((path) => `CAST(body ->> '${path}' AS TEXT)`);
}

/** The first of a column's places that holds something. */
export function columnOf(body: Readonly<Record<string, unknown>>, column: Column): string | undefined {
  const { fields, members } = COLUMNS[column];
  for (const name of fields) {
    const value = member(body.output_fields, name) ?? member(body.event, name);
    if (value !== undefined && value !== null) return String(value);
  }
  for (const path of members) {
    const value = path.split('.').reduce<unknown>(member, body);
    if (value !== undefined && value !== null) return String(value);
  }
  return undefined;
}

function member(object: unknown, name: string): unknown {
  if (typeof object !== 'object' || object === null || !Object.hasOwn(object, name)) return undefined;
  return (object as Record<string, unknown>)[name];
}
