import type { Event } from '../../engine/enrich/event.ts';
import { type LiveFd, LiveProcess } from '../../engine/enrich/live.ts';
import { type Field, field, int, str, uint } from './define.ts';

/** What only the running process itself can tell: read from /proc when a rule asks, missing once it is gone. */
const live = (event: Event): LiveProcess | undefined =>
  event.process.alive && event.services.live ? new LiveProcess(event.pid) : undefined;

const descriptor = (event: Event, fd: number): LiveFd | undefined => live(event)?.fd(fd);

const STREAMS = ['stdin', 'stdout', 'stderr'] as const;

export const PROC_LIVE_FIELDS: readonly Field[] = [
  uint('proc.fdopencount', 'Number of open descriptors.', (e) => live(e)?.fds().length),
  int('proc.fdlimit', 'Greatest number of descriptors.', (e) => live(e)?.fdLimit()),
  field('proc.fdusage', 'double', 'Open descriptors in percent of the limit.', (e) => {
    const limit = live(e)?.fdLimit();
    return limit === undefined || limit === 0 ? undefined : ((live(e)?.fds().length ?? 0) * 100) / limit;
  }),
  uint('proc.nthreads', 'Number of threads.', (e) => live(e)?.status('Threads')),
  uint('proc.nchilds', 'Number of threads beside the first.', (e) => {
    const threads = live(e)?.status('Threads');
    return threads === undefined ? undefined : threads - 1;
  }),
  uint('proc.vmsize', 'Virtual memory, in kB.', (e) => live(e)?.status('VmSize')),
  uint('proc.vmrss', 'Resident memory, in kB.', (e) => live(e)?.status('VmRSS')),
  uint('proc.vmswap', 'Swapped memory, in kB.', (e) => live(e)?.status('VmSwap')),
  ...STREAMS.flatMap((stream, fd) => [
    str(`proc.${stream}.type`, `Kind of what ${stream} is.`, (e) => descriptor(e, fd)?.type),
    str(`proc.${stream}.name`, `Name of what ${stream} is.`, (e) => descriptor(e, fd)?.name),
  ]),
  field(
    'fd.types',
    'string',
    'Kinds of all open descriptors of the process; [N] of one.',
    (e, arg) => {
      const of = live(e);
      if (of === undefined) return undefined;
      return (typeof arg === 'number' ? [arg] : of.fds()).flatMap((fd) => of.fd(fd)?.type ?? []);
    },
    { list: true, arg: 'index', noRhs: true },
  ),
];
