import type { Event } from './event.ts';
import type { Process } from './process.ts';

/**
 * Leaders of sessions and process groups. The leader is the process whose number is that of the group; when it is not
 * known, the oldest ancestor that still belongs to the group.
 */
function leader(
  event: Event,
  group: (process: Process) => number | undefined,
  number: (process: Process) => number,
): Process | undefined {
  const id = group(event.process);
  if (id === undefined || id === 0) return undefined;
  if (number(event.process) === id) return event.process;
  const direct = event.services.table.byPid(id);
  if (direct !== undefined && group(direct) === id && number(direct) === id) return direct;
  let oldest: Process = event.process;
  for (const ancestor of event.ancestors) {
    if (number(ancestor) === id && group(ancestor) === id) return ancestor;
    if (group(ancestor) !== id) break;
    oldest = ancestor;
  }
  return oldest;
}

export const sessionLeader = (event: Event): Process | undefined =>
  leader(
    event,
    (p) => p.sid,
    (p) => p.vpid,
  );

export const groupLeader = (event: Event): Process | undefined =>
  leader(
    event,
    (p) => p.pgid,
    (p) => p.pid,
  );

export const virtualGroupLeader = (event: Event): Process | undefined =>
  leader(
    event,
    (p) => p.vpgid,
    (p) => p.vpid,
  );
