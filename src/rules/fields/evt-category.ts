import type { Event } from '../../engine/enrich/event.ts';
import { RF_FD_TYPE as T } from '../../sensors/record/layout.gen.ts';
import { type Field, str, uint } from './define.ts';

const FILES: ReadonlySet<number | undefined> = new Set([T.FILE, T.DIR]);
const INET: ReadonlySet<number | undefined> = new Set([T.IPV4, T.IPV6]);
const LOCAL: ReadonlySet<number | undefined> = new Set([
  T.PIPE,
  T.UNIX,
  T.EVENT,
  T.SIGNAL,
  T.INOTIFY,
  T.USERFAULT,
]);
const CONNECTING = new Set(['accept', 'accept4', 'connect']);

/** Calls that move bytes belong to what their descriptor is. */
function category(event: Event): string {
  if (event.def.category !== 'I/O') return event.def.category;
  const { type } = event.fd;
  if (FILES.has(type)) return 'file';
  if (INET.has(type)) return 'net';
  return LOCAL.has(type) ? 'ipc' : 'unknown';
}

/** What a call that failed was about: its descriptor, or what the descriptor was to be. */
function subject(event: Event): 'file' | 'net' | 'memory' | 'other' {
  const { type } = event.fd;
  if (type === undefined) {
    if (event.def.op === 'OPEN') return 'file';
    if (CONNECTING.has(event.def.name)) return 'net';
  }
  if (FILES.has(type)) return 'file';
  if (INET.has(type) || type === T.UNIX) return 'net';
  return event.def.category === 'memory' ? 'memory' : 'other';
}

const SUBJECTS = [
  ['file', 'files'],
  ['net', 'the network'],
  ['memory', 'memory'],
  ['other', 'something else'],
] as const;

const moved = (event: Event, io?: 'read' | 'write', types?: ReadonlySet<number | undefined>) =>
  event.def.io !== undefined &&
  (io === undefined || event.def.io === io) &&
  (types === undefined || types.has(event.fd.type)) &&
  !event.failed
    ? event.result
    : undefined;

/** Bytes that a call moved: all, those read, those written. */
function lengths(name: string, what: string, types?: ReadonlySet<number | undefined>): Field[] {
  return [
    uint(name, `Number of bytes that were read or written${what}.`, (e) => moved(e, undefined, types)),
    uint(`${name}.in`, `Number of bytes that were read${what}.`, (e) => moved(e, 'read', types)),
    uint(`${name}.out`, `Number of bytes that were written${what}.`, (e) => moved(e, 'write', types)),
  ];
}

export const EVT_CATEGORY_FIELDS: readonly Field[] = [
  str(
    'evt.category',
    'file, net, process, memory, IPC, signal, user, time, wait, sleep, other; of calls that move bytes file, net, ipc or unknown, by the descriptor.',
    category,
  ),
  uint('evt.count', '1.', () => 1),
  uint('evt.count.error', '1 if the call failed, else 0.', (e) => (e.failed ? 1 : 0)),
  ...SUBJECTS.map(([kind, what]) =>
    uint(`evt.count.error.${kind}`, `1 if it failed and is about ${what}, else 0.`, (e) =>
      e.failed && subject(e) === kind ? 1 : 0,
    ),
  ),
  uint('evt.count.exit', '1: events are finished calls.', () => 1, { deprecated: true }),
  ...['procinfo', 'threadinfo'].map((name) =>
    uint(`evt.count.${name}`, '0: no event is about a thread’s figures.', () => 0, { deprecated: true }),
  ),
  ...lengths('evt.buflen', ''),
  ...lengths('evt.buflen.file', ' of files', FILES),
  ...lengths('evt.buflen.net', ' of IP sockets', INET),
];
