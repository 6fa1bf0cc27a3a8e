import type { EventDef, ParamDef, ParamType } from '../../sensors/events/event-def.ts';
import { EVENTS, eventDef } from '../../sensors/events/events.ts';
import type { FieldType } from '../field-spec.ts';
import { type Field, field, whole } from './define.ts';
import { named, parameterReads } from './evt.ts';

const RAW_TYPES: Readonly<Partial<Record<ParamType, FieldType>>> = {
  fd: 'int',
  errno: 'int',
  pid: 'int',
  int: 'int',
  time: 'time',
  reltime: 'reltime',
  path: 'path',
  relpath: 'path',
  string: 'string',
  tuple: 'string',
  bytes: 'bytes',
  sockaddr: 'bytes',
};

const TEXTS: ReadonlySet<FieldType> = new Set(['path', 'string', 'bytes']);

/** How a value is printed that is no plain number. */
const RAW_FORMATS: Readonly<Partial<Record<ParamType, NonNullable<Field['format']>>>> = {
  hex: 'hex',
  flags: 'hex',
  oct: 'oct',
  mode: 'oct',
};

/** Events that stand before others in Falco's table, where that decides the type of a parameter. */
const LEADING: readonly EventDef[] = ['socket', 'bind', 'ioctl', 'futex'].map(eventDef);

/** One field a parameter name: its type is that of the first event with the parameter. */
function rawArguments(): Field[] {
  const first = new Map<string, ParamDef>();
  for (const param of [...LEADING, ...EVENTS].flatMap((def) => def.params)) {
    if (!first.has(param.name)) first.set(param.name, param);
  }
  return [...first].map(([name, param]) => {
    const format = RAW_FORMATS[param.type];
    const type = RAW_TYPES[param.type] ?? 'uint';
    const text = TEXTS.has(type);
    const reads = parameterReads(name);
    return field(
      `evt.rawarg.${name}`,
      type,
      `The parameter ${name} as a value, not as text.`,
      (e) => {
        const value = named(e, name);
        // Another event's parameter of this name may be of another type.
        if (value === undefined || (typeof value === 'string') !== text) return undefined;
        return typeof value === 'bigint' ? whole(value) : value;
      },
      { noRhs: true, noTransformer: true, dear: true, reads, ...(format === undefined ? {} : { format }) },
    );
  });
}

export const EVT_RAW_FIELDS: readonly Field[] = rawArguments();
