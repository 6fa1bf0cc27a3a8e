import type { Event } from '../../engine/enrich/event.ts';
import { LiveProcess } from '../../engine/enrich/live.ts';
import { capabilityNames } from '../../sensors/events/names.ts';
import { bool, type Field, int, never, str } from './define.ts';

const cgroups = (e: Event): ReturnType<LiveProcess['cgroups']> =>
  e.process.alive && e.services.live ? new LiveProcess(e.pid).cgroups() : [];

const capabilities = (name: string, which: string, of: (e: Event) => bigint): Field =>
  str(name, `${which} capabilities, by name.`, (e) => capabilityNames(of(e)), { dear: true });

/** Time and memory that a thread used: no record carries them. */
const ACCOUNTING =
  'exectime totexectime cpu cpu.user cpu.system pfmajor pfminor vmsize vmrss vmsize.b vmrss.b'.split(' ');

export const THREAD_FIELDS: readonly Field[] = [
  int('thread.tid', 'Number of the thread.', (e) => e.rec.tid),
  int('thread.vtid', 'Number of the thread in its own pid namespace.', (e) => e.rec.vtid),
  str(
    'thread.nametid',
    'Name of the program and number of the thread, as one text.',
    (e) => `${e.image.comm}${e.rec.tid}`,
  ),
  bool('thread.ismain', 'The thread is the first of its process.', (e) => e.rec.tid === e.rec.pid),
  capabilities('thread.cap_effective', 'Effective', (e) => e.rec.capEffective),
  capabilities('thread.cap_permitted', 'Permitted', (e) => e.rec.capPermitted),
  capabilities('thread.cap_inheritable', 'Inheritable', (e) => e.rec.capInheritable),
  str('thread.cgroups', 'Control groups, `controllers=path`.', (e) => {
    const list = cgroups(e);
    return list.length === 0 ? undefined : list.map((g) => `${g.controllers}=${g.path}`).join(' ');
  }),
  str(
    'thread.cgroup',
    'Path of the control group of one controller.',
    (e, arg) => cgroups(e).find((g) => g.controllers.split(',').includes(String(arg)))?.path,
    {
      arg: 'key',
      argRequired: true,
      suffix: { doc: 'the name of a controller', accepts: (name) => /^\w+$/.test(name) },
    },
  ),
  ...ACCOUNTING.map((name) => never(`thread.${name}`, 'uint', 'Not measured.')),
];
