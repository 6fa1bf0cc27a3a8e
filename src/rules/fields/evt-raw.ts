import type { ParamDef, ParamType } from '../../sensors/events/event-def.ts';
import { EVENTS } from '../../sensors/events/events.ts';
import type { FieldType } from '../field-spec.ts';
import { type Field, field, whole } from './define.ts';
import { named } from './evt.ts';

const RAW_TYPES: Readonly<Partial<Record<ParamType, FieldType>>> = {
  fd: 'int',
  errno: 'int',
  pid: 'int',
  int: 'int',
  time: 'time',
  path: 'path',
  relpath: 'path',
  string: 'string',
  tuple: 'string',
  bytes: 'bytes',
  sockaddr: 'bytes',
};

/** One field a parameter name: its type is that of the first event with the parameter. */
function rawArguments(): Field[] {
  const first = new Map<string, ParamDef>();
  for (const param of EVENTS.flatMap((def) => def.params))
    if (!first.has(param.name)) first.set(param.name, param);
  return [...first].map(([name, param]) =>
    field(
      `evt.rawarg.${name}`,
      RAW_TYPES[param.type] ?? 'uint',
      `The parameter ${name} as a value, not as text.`,
      (e) => {
        const value = named(e, name);
        return typeof value === 'bigint' ? whole(value) : value;
      },
      { noRhs: true, noTransformer: true, dear: true },
    ),
  );
}

export const EVT_RAW_FIELDS: readonly Field[] = rawArguments();
