import type { Event } from '../../engine/enrich/event.ts';
import { paramIndex } from '../../engine/enrich/params.ts';
import { absolute, squeeze } from '../../engine/enrich/paths.ts';
import type { FsPaths } from '../../sensors/events/event-def.ts';
import { RF_FLAG } from '../../sensors/record/layout.gen.ts';
import { type Field, path } from './define.ts';

/** The path of a call that succeeded, or that Ringfence refused: as passed, or absolute. */
function fsPath(e: Event, which: keyof FsPaths, raw: boolean): string | undefined {
  const name = e.def.fs?.[which];
  if (name === undefined || e.call === undefined) return undefined;
  if (e.failed && (e.rec.flags & RF_FLAG.DENIED) === 0) return undefined;
  const index = paramIndex(e.def, name);
  const param = index === undefined ? undefined : e.def.params[index];
  if (param === undefined) return undefined;
  if (param.type === 'fd') return e.fd.name;
  const value = param.get?.(e.call);
  if (typeof value !== 'string') return undefined;
  if (raw || param.type === 'string') return raw ? squeeze(value) : value;
  return absolute(value, param.path === 1 ? e.call.base1 : e.call.base0);
}

const ROLES = [
  ['name', 'The file that the call is about'],
  ['source', 'The file that is renamed, the new link, the mounted device'],
  ['target', 'The new name, what the link leads to, the mount point'],
] as const;

export const FS_FIELDS: readonly Field[] = ROLES.flatMap(([role, doc]) => [
  path(
    `fs.path.${role}`,
    `${doc}, as an absolute path; only when the call succeeded or was refused by Ringfence.`,
    (e) => fsPath(e, role, false),
  ),
  path(
    `fs.path.${role}raw`,
    `${doc}, as passed; only when the call succeeded or was refused by Ringfence.`,
    (e) => fsPath(e, role, true),
  ),
]);
