import type { Event } from '../../engine/enrich/event.ts';
import { bool, type Field, int, never, path, str, uint } from './define.ts';

const DEV_MAJOR_MASK = 0xfff00;

/** Device and inode of files. */
function file<T>(get: (e: Event) => T): (e: Event) => T | undefined {
  return (e) => {
    const type = e.fd.type;
    return type === 1 || type === 2 || type === 16 ? get(e) : undefined;
  };
}

const major = (dev: number): number => (dev & DEV_MAJOR_MASK) >>> 8;
const minor = (dev: number): number => (dev & 0xff) | ((dev >>> 12) & 0xfff00);

export const FD_FIELDS: readonly Field[] = [
  int('fd.num', 'Number of the descriptor, -1 when it was not made.', (e) => e.fd.num),
  str(
    'fd.type',
    'Kind of the descriptor: file, directory, ipv4, ipv6, unix, pipe, event ...',
    (e) => e.fd.typeName,
  ),
  str(
    'fd.typechar',
    'Kind of the descriptor as one letter: f d 4 6 u p e s l i t n b r m P o.',
    (e) => e.fd.typeChar,
  ),
  path(
    'fd.name',
    'Path as given, made absolute and normalised without looking at links; ends of a connection.',
    (e) => e.fd.name,
  ),
  path('fd.nameraw', 'Path as given.', (e) => e.fd.nameRaw),
  path(
    'fd.realpath',
    'Path of the opened file as the kernel resolved it: links followed.',
    (e) => e.fd.realPath,
  ),
  path('fd.directory', 'Directory of the file.', (e) => e.fd.directory),
  path('fd.filename', 'Last component of the path of a file.', (e) => e.fd.fileName),
  uint(
    'fd.dev',
    'Device of the file.',
    file((e) => e.call?.fdDev),
    { format: 'hex' },
  ),
  uint(
    'fd.dev.major',
    'Major number of the device.',
    file((e) => major(e.call?.fdDev ?? 0)),
  ),
  uint(
    'fd.dev.minor',
    'Minor number of the device.',
    file((e) => minor(e.call?.fdDev ?? 0)),
  ),
  uint(
    'fd.ino',
    'Inode of the file.',
    file((e) => e.call?.fdIno),
  ),
  bool(
    'fd.is_upper_layer',
    'The file is in the upper layer of an overlay file system.',
    file((e) => e.call?.fdLayer === 1),
  ),
  bool(
    'fd.is_lower_layer',
    'The file is in a lower layer of an overlay file system.',
    file((e) => e.call?.fdLayer === 2),
  ),
  str('fd.uid', 'Thread and descriptor: one text for both numbers.', (e) =>
    e.fd.known ? `${e.rec.tid}${e.fd.num}` : undefined,
  ),
  str('fd.containername', 'Container and name of the descriptor.', (e) => withContainer(e, e.fd.name)),
  str('fd.containerdirectory', 'Container and directory of the file.', (e) =>
    withContainer(e, e.fd.directory),
  ),
  ...['nums', 'names', 'cips', 'sips', 'cports', 'sports'].map((name) =>
    never(`fdlist.${name}`, 'string', 'Descriptors of a poll: not captured.'),
  ),
];

function withContainer(e: Event, name: string | undefined): string | undefined {
  return name === undefined || e.container === undefined ? undefined : `${e.container.id}:${name}`;
}
