import type { Event } from '../../engine/enrich/event.ts';
import { paramIndex, paramsText, paramText, paramValue } from '../../engine/enrich/params.ts';
import { absolute } from '../../engine/enrich/paths.ts';
import type { OnDemand } from '../../sensors/calls/capture-plan.ts';
import type { EventDef, ParamDef } from '../../sensors/events/event-def.ts';
import { EVENT_NAMES, EVENTS, PARAM_NAMES } from '../../sensors/events/events.ts';
import { O } from '../../sensors/events/flags.ts';
import { errnoName } from '../../sensors/events/names.ts';
import { type Arg, bool, type Field, field, int, never, str, uint } from './define.ts';

const WAITS = new Set(
  'poll ppoll select pselect6 epoll_wait epoll_pwait epoll_pwait2 futex wait4 waitid nanosleep clock_nanosleep pause rt_sigsuspend'.split(
    ' ',
  ),
);
const OPEN_READ_WRITE = new Set(['open', 'openat', 'openat2', 'open_by_handle_at']);
const ANY_X = 0o111;

function paramOf(event: Event, arg: Arg): ParamDef | undefined {
  if (typeof arg === 'number') return event.def.params[arg];
  const index = arg === undefined ? undefined : paramIndex(event.def, arg);
  return index === undefined ? undefined : event.def.params[index];
}

/** Value of the parameter of this name; undefined when the event has none. */
export function named(event: Event, name: string): string | number | bigint | undefined {
  const param = paramOf(event, name);
  return param === undefined ? undefined : paramValue(event, param);
}

/** What the kernel copies on demand for a parameter, on the events that have one of this name. */
export function parameterReads(name: string): OnDemand[] {
  const has = (of: (def: EventDef, param: ParamDef) => boolean): boolean =>
    EVENTS.some((def) => def.params.some((param) => param.name === name && of(def, param)));
  const buffer = has(({ io }, { type, get }) => io !== undefined && type === 'bytes' && get !== undefined);
  const environment = has((_def, { process }) => process === 'env');
  return [...(buffer ? (['buffer'] as const) : []), ...(environment ? (['execEnv'] as const) : [])];
}

const ANY_PARAMETER = { dear: true, reads: ['buffer', 'execEnv'] } as const;

function resultText(event: Event): string | undefined {
  const result = event.result;
  if (result === undefined) return undefined;
  return result >= 0 ? 'SUCCESS' : (errnoName(-result) ?? String(-result));
}

function isOpen(event: Event, bit: number): boolean {
  if (!OPEN_READ_WRITE.has(event.def.name)) return false;
  return ((event.fd.openFlags ?? 0) & bit) !== 0;
}

function isOpenExec(event: Event): boolean {
  const { name } = event.def;
  if (name !== 'open' && name !== 'openat' && name !== 'openat2' && name !== 'creat') return false;
  const mode = Number(named(event, 'mode') ?? 0);
  if ((mode & ANY_X) === 0) return false;
  return name === 'creat' || ((event.fd.openFlags ?? 0) & (O.CREAT | O.TMPFILE)) !== 0;
}

function isOpenCreate(event: Event): boolean {
  const flags = event.fd.openFlags ?? 0;
  return (flags & O.F_CREATED) !== 0 || ((flags & O.TMPFILE) !== 0 && !event.failed);
}

/** Absolute path of a path argument: the first of the event, or the first or second of two. */
function abspath(event: Event, which: 'any' | 0 | 1): string | undefined {
  const call = event.call;
  if (call === undefined) return undefined;
  const params = event.def.params.filter((p) => p.type === 'relpath' || p.type === 'path');
  const param = which === 'any' ? params[0] : params.length > 1 ? params[which] : undefined;
  if (param?.path === undefined) return undefined;
  const raw = param.path === 0 ? call.path0 : call.path1;
  return raw === undefined ? undefined : absolute(raw, param.path === 0 ? call.base0 : call.base1);
}

export const EVT_FIELDS: readonly Field[] = [
  uint('evt.num', 'Number of the event since the start, the first is 1.', (e) => e.num),
  str('evt.type', "The event's name: that of the system call.", (e) => e.def.name),
  uint(
    'evt.type.is',
    '1 if the event is of the named type, else 0.',
    (e, arg) => (e.def.name === arg ? 1 : 0),
    {
      suffix: { doc: 'the name of an event', accepts: (name) => EVENT_NAMES.code(name) !== undefined },
    },
  ),
  str('syscall.type', 'As evt.type; missing for events that no system call raises.', (e) =>
    e.def.syscalls.length > 0 ? e.def.name : undefined,
  ),
  str('evt.dir', 'Always `<`: events are finished calls.', () => '<', { deprecated: true }),
  int('evt.cpu', 'The processor.', (e) => e.rec.cpu),
  str('evt.source', '`syscall`.', () => 'syscall'),
  bool('evt.is_async', 'False: no event comes from outside the kernel.', () => false),
  never('evt.asynctype', 'string', 'Kind of an asynchronous event.'),
  never('evt.pluginname', 'string', 'Plugin that raised the event.'),
  never('evt.plugininfo', 'string', 'Text of the plugin that raised the event.'),
  str('evt.hostname', 'Name of this host, or FALCO_HOSTNAME.', (e) => e.services.hostname),
  str('evt.args', 'All parameters, `name=value(text)`.', paramsText, ANY_PARAMETER),
  str('evt.info', 'As evt.args.', paramsText, ANY_PARAMETER),
  str(
    'evt.arg',
    'Text of a parameter, by name or place: numbers by their names, paths absolute, bytes with dots for what cannot be printed.',
    (e, arg) => {
      const param = paramOf(e, arg);
      return param === undefined ? undefined : paramText(e, param);
    },
    {
      arg: 'either',
      argRequired: true,
      dear: true,
      reads: (arg) => (typeof arg === 'string' ? parameterReads(arg) : ANY_PARAMETER.reads),
      suffix: { doc: 'the name of a parameter', accepts: (name) => PARAM_NAMES.has(name) },
    },
  ),
  str('evt.abspath', 'Absolute form of the path argument.', (e) => abspath(e, 'any')),
  str('evt.abspath.src', 'Absolute form of the first of two path arguments.', (e) => abspath(e, 0)),
  str('evt.abspath.dst', 'Absolute form of the second of two path arguments.', (e) => abspath(e, 1)),
  field(
    'evt.buffer',
    'bytes',
    'First bytes of the data that was sent or received.',
    (e) => {
      const data = named(e, 'data');
      return typeof data === 'string' ? data : undefined;
    },
    { dear: true, reads: ['buffer'] },
  ),
  str('evt.res', 'SUCCESS, or the name of the error.', resultText),
  int(
    'evt.rawres',
    'The return value: a descriptor, a number of bytes, a negative error number.',
    (e) => e.result,
  ),
  bool('evt.failed', 'The call returned an error.', (e) => e.failed),
  bool('evt.is_io', 'The call moves bytes.', (e) => e.def.io !== undefined),
  bool('evt.is_io_read', 'The call reads.', (e) => e.def.io === 'read'),
  bool('evt.is_io_write', 'The call writes.', (e) => e.def.io === 'write'),
  str('evt.io_dir', '`read` or `write`.', (e) => e.def.io),
  bool('evt.is_wait', 'The call makes the thread wait.', (e) => WAITS.has(e.def.name)),
  bool(
    'evt.is_syslog',
    'The call writes to the system log.',
    (e) => e.def.io === 'write' && (e.fd.name?.endsWith('/dev/log') ?? false),
  ),
  bool('evt.is_open_read', 'A file was opened, or was to be, for reading.', (e) => isOpen(e, O.RDONLY)),
  bool('evt.is_open_write', 'A file was opened, or was to be, for writing.', (e) => isOpen(e, O.WRONLY)),
  bool('evt.is_open_exec', 'A file was created as executable.', isOpenExec),
  bool('evt.is_open_create', 'The call made the file.', isOpenCreate),
];
