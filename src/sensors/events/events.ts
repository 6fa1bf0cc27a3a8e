import type { EventDef } from './event-def.ts';
import { FILE_EVENTS } from './file.ts';
import { NET_EVENTS } from './net.ts';
import { PROCESS_EVENTS } from './process.ts';
import type { Arch } from './syscalls.ts';
import { allSyscallNames, hostArch, syscallNumber } from './syscalls.ts';

/**
 * The event table: one row an event. A row says what the kernel copies for the call and how the record's members
 * become the event's parameters; a new event is a new row.
 *
 * Every other system call of either architecture has a generic event: a name, and nothing else.
 */
const SPECIFIC: readonly EventDef[] = [...FILE_EVENTS, ...NET_EVENTS, ...PROCESS_EVENTS];

/** Names that rules may use and that no sensor raises. */
const NEVER_RAISED = [
  'container',
  'container_removed',
  'signaldeliver',
  'switch',
  'page_fault',
  'drop',
  'asyncevent',
];

function generic(name: string, syscalls: readonly string[]): EventDef {
  return {
    name,
    category: 'other',
    doc: syscalls.length === 0 ? 'Known by name only; never raised.' : 'The bare system call.',
    syscalls,
    fd: 'none',
    capture: {},
    op: 'OTHER',
    params: [],
    result: false,
    specific: false,
  };
}

function buildTable(): readonly EventDef[] {
  const taken = new Set(SPECIFIC.flatMap((def) => [def.name, ...def.syscalls]));
  return [
    ...SPECIFIC,
    ...allSyscallNames()
      .filter((name) => !taken.has(name))
      .map((name) => generic(name, [name])),
    ...NEVER_RAISED.map((name) => generic(name, [])),
  ];
}

/** All events; the index is the event's code. */
export const EVENTS: readonly EventDef[] = buildTable();

const CODES: ReadonlyMap<string, number> = new Map([
  ...EVENTS.flatMap((def, code) => def.syscalls.map((call) => [call, code] as const)),
  ...EVENTS.map((def, code) => [def.name, code] as const),
]);

/** Names and codes for evt.type and for dispatch by event. */
export const EVENT_NAMES = {
  names: EVENTS.map((def) => def.name),
  /** Code of an event name, or of the system call that raises it. */
  code: (name: string): number | undefined => CODES.get(name),
} as const;

/** The row with this name; throws for a name that is not in the table (a mistake in our own code). */
export function eventDef(name: string): EventDef {
  const code = CODES.get(name);
  if (code === undefined) throw new Error(`no event named ${name}`);
  return EVENTS[code]!;
}

/** Event codes by system call number. */
export function codesByNumber(arch: Arch = hostArch()): Int32Array {
  const codes = new Int32Array(1024).fill(-1);
  EVENTS.forEach((def, code) => {
    for (const call of def.syscalls) {
      const nr = syscallNumber(call, arch);
      if (nr !== undefined) codes[nr] = code;
    }
  });
  return codes;
}

/** All parameter names of all events: what may follow `evt.arg.`. */
export const PARAM_NAMES: ReadonlySet<string> = new Set(
  EVENTS.flatMap((def) => def.params.map((p) => p.name)),
);
