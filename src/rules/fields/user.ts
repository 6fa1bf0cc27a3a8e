import type { User } from '../../engine/enrich/accounts.ts';
import type { Event } from '../../engine/enrich/event.ts';
import { type Field, int, path, str, uint } from './define.ts';

/** The names of a container's users are read in the background. */
const LATE = { late: true } as const;
const UNKNOWN = '<NA>';
const ROOT: User = { name: 'root', home: '/root', shell: UNKNOWN };

/** Root has a name even where no file gives one. */
function user(e: Event, uid: number): User | undefined {
  return e.user(uid) ?? (uid === 0 ? ROOT : undefined);
}

export const USER_FIELDS: readonly Field[] = [
  uint('user.uid', 'Effective user of the thread after the event.', (e) => e.rec.uid),
  str(
    'user.name',
    'Name of the effective user, from the container or the host.',
    (e) => user(e, e.rec.uid)?.name ?? UNKNOWN,
    LATE,
  ),
  path(
    'user.homedir',
    'Home directory of the effective user.',
    (e) => user(e, e.rec.uid)?.home ?? UNKNOWN,
    LATE,
  ),
  path('user.shell', 'Login shell of the effective user.', (e) => user(e, e.rec.uid)?.shell ?? UNKNOWN, LATE),
  int(
    'user.loginuid',
    'User who logged in, as the audit subsystem keeps it; -1 when unset.',
    (e) => e.loginUid,
  ),
  str(
    'user.loginname',
    'Name of the user who logged in.',
    (e) => (e.loginUid < 0 ? UNKNOWN : (user(e, e.loginUid)?.name ?? UNKNOWN)),
    LATE,
  ),
  uint('group.gid', 'Effective group of the thread after the event.', (e) => e.rec.gid),
  str(
    'group.name',
    'Name of the effective group, from the container or the host.',
    (e) => e.group(e.rec.gid) ?? (e.rec.gid === 0 ? 'root' : UNKNOWN),
    LATE,
  ),
];
