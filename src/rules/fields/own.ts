import type { Event } from '../../engine/enrich/event.ts';
import { RF_FLAG } from '../../sensors/record/layout.gen.ts';
import { bool, type Field, str } from './define.ts';

const { IO_URING, DENIED, KILLED, WOULD_DENY } = RF_FLAG;

function guarantee(e: Event): string {
  const { flags } = e.rec;
  if ((flags & DENIED) !== 0) return 'denied';
  if ((flags & KILLED) !== 0) return 'killed';
  return (flags & WOULD_DENY) !== 0 ? 'would_deny' : 'observed';
}

/** What other engines have no field for. */
export const OWN_FIELDS: readonly Field[] = [
  str('evt.guarantee', 'What became of the operation: denied, killed, would_deny or observed.', guarantee),
  str(
    'evt.tier',
    'The kernel mechanism that saw the event: lsm, fmod_ret, cgroup, observe, replay ...',
    (e) => e.services.tierOf(e.rec),
  ),
  bool(
    'evt.is_io_uring',
    'The operation was done by io_uring for the task.',
    (e) => (e.rec.flags & IO_URING) !== 0,
  ),
];
