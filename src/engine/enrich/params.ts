import { callResult, type EventDef, type ParamDef, type ParamValue } from '../../sensors/events/event-def.ts';
import { cloneFlags, enumNames, flagNames, modeNames } from '../../sensors/events/flags.ts';
import { errnoName, signalName } from '../../sensors/events/names.ts';
import { localStamp, secondsText } from './clock.ts';
import type { Event } from './event.ts';
import { AT_FDCWD } from './fd.ts';
import { parseSockaddr, sockaddrText } from './net.ts';
import { absolute } from './paths.ts';

/** Parameters of an event: their values, and the texts that evt.arg shows. */

const UNSET = 0xffffffff;
const DATA_SHOWN = 80;

const INDEX = new Map<EventDef, ReadonlyMap<string, number>>();

/** Position of a parameter in an event; undefined when the event has none of this name. */
export function paramIndex(def: EventDef, name: string): number | undefined {
  let byName = INDEX.get(def);
  if (byName === undefined) {
    byName = new Map(def.params.map((param, i) => [param.name, i]));
    INDEX.set(def, byName);
  }
  return byName.get(name);
}

/** The raw value of a parameter; undefined when it is not known. */
export function paramValue(event: Event, param: ParamDef): ParamValue | undefined {
  if (param.type === 'tuple') return event.fd.tuple;
  if (param.process !== undefined) return OF_PROCESS[param.process]?.(event);
  return event.call === undefined ? undefined : param.get?.(event.call);
}

/** The text of a parameter: the resolved one where there is one, else the plain one. */
export function paramText(event: Event, param: ParamDef): string | undefined {
  const value = paramValue(event, param);
  if (value === undefined) return isKnown(param) ? emptyText(param) : undefined;
  const resolved = resolvedText(event, param, value);
  return resolved === undefined || resolved === '' ? plainText(param, value) : resolved;
}

/** All parameters as `name=text`, or `name=plain(resolved)`. */
export function paramsText(event: Event): string {
  return event.def.params
    .map((param) => {
      const value = paramValue(event, param);
      if (value === undefined) return isKnown(param) ? `${param.name}=${emptyText(param)}` : undefined;
      const plain = plainText(param, value);
      const resolved = resolvedText(event, param, value);
      return resolved === undefined || resolved === ''
        ? `${param.name}=${plain}`
        : `${param.name}=${plain}(${resolved})`;
    })
    .filter((text) => text !== undefined)
    .join(' ');
}

/** False for parameters that stand in the table only for their place: no sensor measures them. */
function isKnown(param: ParamDef): boolean {
  return param.get !== undefined || param.process !== undefined || param.type === 'tuple';
}

function emptyText(param: ParamDef): string {
  return param.type === 'bytes' || param.type === 'tuple' || param.type === 'dyn' ? 'NULL' : '<NA>';
}

function plainText(param: ParamDef, value: ParamValue): string {
  if (typeof value === 'string') return stringText(param, value);
  switch (param.type) {
    case 'uid':
    case 'gid':
      return String(Number(value) | 0); // an unset one is -1
    case 'time':
      return localStamp(BigInt(value));
    case 'hex':
      return value.toString(16).toUpperCase();
    case 'oct':
    case 'mode':
      return octal(typeof value === 'number' ? value & 0o7777777 : value);
    default:
      return value.toString();
  }
}

/** As C writes it with `%#o`. */
function octal(value: number | bigint): string {
  const digits = value.toString(8);
  return digits === '0' ? digits : `0${digits}`;
}

function stringText(param: ParamDef, value: string): string {
  if (param.type === 'bytes') return value === '' ? emptyText(param) : dotted(param, value);
  if (param.type !== 'sockaddr') return value;
  const address = parseSockaddr(value);
  return (address === undefined ? undefined : sockaddrText(address)) ?? emptyText(param);
}

/** Dots for what cannot be printed, such as the NUL after each argument. Of data the first bytes only. */
function dotted(param: ParamDef, bytes: string): string {
  const shown = param.process === undefined ? bytes.slice(0, DATA_SHOWN) : bytes;
  return shown.replace(/[^\x20-\x7e]/g, '.');
}

function resolvedText(event: Event, param: ParamDef, value: ParamValue): string | undefined {
  if (typeof value === 'string') return pathText(event, param, value);
  const number = Number(value);
  switch (param.type) {
    case 'fd':
      return fdText(event, param, number);
    case 'errno':
      return number < 0 ? errnoName(-number) : undefined;
    case 'pid':
      return event.services.table.byPid(number)?.imageAt(event.ts).comm;
    case 'uid':
      return number === UNSET || number === -1
        ? '<NONE>'
        : (event.user(number)?.name ?? (number === 0 ? 'root' : '<NA>'));
    case 'gid':
      return number === UNSET || number === -1
        ? '<NONE>'
        : (event.group(number) ?? (number === 0 ? 'root' : '<NA>'));
    case 'flags':
      return param.table === undefined ? undefined : flagNames(param.table, number);
    case 'enum': {
      const table = event.call === undefined ? param.table : (param.tableOf?.(event.call) ?? param.table);
      return table === undefined ? undefined : enumNames(table, number);
    }
    case 'mode':
      return modeNames(number);
    case 'signal':
      return signalName(number);
    case 'reltime':
      return secondsText(number);
    default:
      return undefined;
  }
}

/** Relative paths made absolute. */
function pathText(event: Event, param: ParamDef, value: string): string | undefined {
  if ((param.type !== 'path' && param.type !== 'relpath') || param.path === undefined) return undefined;
  if (value.startsWith('/')) return undefined;
  const base = param.path === 0 ? event.call?.base0 : event.call?.base1;
  return absolute(value, base ?? (param.type === 'path' ? event.process.cwd : undefined));
}

function fdText(event: Event, param: ParamDef, number: number): string | undefined {
  if (number === AT_FDCWD) return 'AT_FDCWD';
  if (number < 0) return errnoName(-number);
  const call = event.call;
  if (call === undefined) return undefined;
  const { def, fd } = event;
  const isResult = param.get === callResult;
  const pair = def.fdType !== undefined;
  const own = def.fd === 'create' ? isResult || pair || param.name === 'oldfd' : number === fd.num;
  if (own && fd.known) return `<${fd.typeChar}${fd.l4char}>${fd.name ?? ''}`;
  // A directory descriptor: the base of the path that goes with it.
  const at = def.capture.dirfd?.findIndex((arg) => arg >= 0 && call.argI32(arg) === number) ?? -1;
  const base = at === 0 ? call.base0 : at === 1 ? call.base1 : undefined;
  return base === undefined ? undefined : `<d>${base}`;
}

/** The first and the other strings of the arguments of an attempt to exec. */
const upToNul = (argv: string | undefined): string | undefined => argv?.split('\0', 1)[0];
const afterNul = (argv: string | undefined): string | undefined =>
  argv === undefined ? undefined : argv.includes('\0') ? argv.slice(argv.indexOf('\0') + 1) : '';

/** A NUL after each variable, as the kernel has them. */
const environment = (e: Event): string | undefined =>
  e.image
    .env(e.rec.pid, e.process.alive)
    ?.map((entry) => `${entry}\0`)
    .join('');

type OfProcess = (event: Event) => ParamValue | undefined;

/** What the parameters of exec, clone and exit events show, by the key in the event table. */
const OF_PROCESS: Readonly<Record<string, OfProcess>> = {
  res: (e) => e.result,
  child: (e) => e.fork?.childVtid,
  exe: (e) => (e.call === undefined ? e.image.exe : upToNul(e.call.data)),
  args: (e) => (e.call === undefined ? e.image.rawArgs : afterNul(e.call.data)),
  tid: (e) => e.rec.tid,
  pid: (e) => e.rec.pid,
  ptid: (e) => e.rec.ppid,
  cwd: () => '',
  comm: (e) => e.image.comm,
  cgroups: (e) => e.process.cgroup,
  env: environment,
  tty: (e) => e.process.tty,
  vpgid: (e) => e.process.vpgid,
  pgid: (e) => e.process.pgid,
  loginuid: (e) => e.rec.loginuid,
  exeFlags: (e) => e.image.exeFlags ?? 0,
  capInheritable: (e) => e.rec.capInheritable,
  capPermitted: (e) => e.rec.capPermitted,
  capEffective: (e) => e.rec.capEffective,
  exeIno: (e) => e.image.exeIno,
  exeCtime: (e) => e.image.exeCtime,
  exeMtime: (e) => e.image.exeMtime,
  uid: (e) => e.rec.uid,
  gid: (e) => e.rec.gid,
  vtid: (e) => e.rec.vtid,
  vpid: (e) => e.rec.vpid,
  exepath: (e) => e.image.exepath,
  filename: (e) => e.exec?.filename ?? e.call?.path0,
  cloneFlags: (e) => (e.fork === undefined ? undefined : cloneFlags(e.fork.cloneFlags)),
  pidnsStart: (e) => e.process.pidnsStart,
  exitStatus: (e) => e.exit?.code,
  exitCode: (e) => (e.exit === undefined ? undefined : (e.exit.code >> 8) & 0xff),
  exitSignal: (e) => (e.exit === undefined ? undefined : e.exit.code & 0x7f),
  exitCore: (e) => (e.exit === undefined ? undefined : (e.exit.code >> 7) & 1),
  reaper: (e) => e.exit?.reaper,
};
