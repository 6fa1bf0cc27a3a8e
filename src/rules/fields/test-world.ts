import { parseAddress } from '../../engine/core/address.ts';
import { BootClock } from '../../engine/enrich/clock.ts';
import { ContainerRegistry, type ContainerRuntime } from '../../engine/enrich/containers.ts';
import { Enricher, type EnricherOptions } from '../../engine/enrich/enricher.ts';
import type { Event } from '../../engine/enrich/event.ts';
import { LocalAddresses } from '../../engine/enrich/interfaces.ts';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { type RecordSpec, recordOf } from '../../sensors/record/build-record.ts';
import type { Value } from '../field-spec.ts';
import { FieldTable } from '../field-table.ts';
import { FIELDS } from './index.ts';

/** For tests: records made by hand go in, fields come out. Nothing is read from this machine but its passwd file. */

export const TABLE = new FieldTable<Event>(FIELDS);
/** Boot time 0 in epoch nanoseconds. */
export const BOOT = 1_700_000_000_000_000_000n;

type CallSpec = Extract<RecordSpec, { kind: 'call' }>;
type ExecSpec = Extract<RecordSpec, { kind: 'exec' }>;

export interface ProcessShape {
  readonly pid: number;
  readonly ppid: number;
  readonly start: number;
  readonly argv: readonly string[];
  readonly comm?: string;
  readonly exe?: string;
  readonly env?: readonly string[];
  readonly more?: Partial<ExecSpec>;
}

export class World {
  readonly enricher: Enricher;
  /** The boot clock: each record is a bit later than the one before. */
  now = 1_000_000_000;

  constructor(options: EnricherOptions & { runtimes?: readonly ContainerRuntime[] } = {}) {
    this.enricher = new Enricher({
      proc: undefined,
      arch: 'x64',
      hostname: 'test-host',
      clock: new BootClock(() => BOOT),
      containers: new ContainerRegistry(options.runtimes ?? []),
      local: new LocalAddresses(() => [parseAddress('10.0.0.5')!]),
      ...options,
    });
  }

  /** Runs a program in a new process and returns the event of its exec. */
  run(shape: ProcessShape): Event {
    const { pid, ppid, start, argv } = shape;
    const comm = shape.comm ?? argv[0]!.slice(argv[0]!.lastIndexOf('/') + 1).slice(0, 15);
    return this.apply({
      kind: 'exec',
      pid,
      tid: pid,
      vpid: pid,
      vtid: pid,
      ppid,
      start,
      comm,
      loginuid: 0xffffffff,
      args: `${argv.join('\0')}\0`,
      env: (shape.env ?? []).map((entry) => `${entry}\0`).join(''),
      exe: shape.exe ?? `/usr/bin/${comm}`,
      filename: shape.exe ?? `/usr/bin/${comm}`,
      cwd: '/home/me',
      cgroupPath: '/user.slice',
      sid: pid,
      pgid: pid,
      vpgid: pid,
      ...shape.more,
    })!;
  }

  /** A finished system call of a process that `run` made. */
  call(name: string, pid: number, spec: Partial<CallSpec>): Event {
    const process = this.enricher.table.byPid(pid)!;
    return this.apply({
      kind: 'call',
      nr: syscallNumber(name, 'x64')!,
      pid,
      tid: pid,
      vpid: process.vpid,
      vtid: process.vpid,
      ppid: process.ppid,
      start: process.start,
      comm: process.image.comm,
      loginuid: 0xffffffff,
      ...spec,
    })!;
  }

  apply(spec: RecordSpec): Event | undefined {
    this.now += 1000;
    return this.enricher.apply(recordOf({ ts: this.now, ...spec } as RecordSpec));
  }
}

/** The value of a field as written in a rule. */
export function fieldOf(event: Event, text: string): Value | undefined {
  const [, name, arg] = /^([^[]+)(?:\[(.*)\])?$/.exec(text)!;
  const found = TABLE.lookup(name!, arg);
  if (!found.ok) throw new Error(found.message);
  return found.ref.spec.get(event, found.ref.arg);
}

/** The text of a field that is printed in its own way. */
export function printOf(event: Event, text: string): string | undefined {
  const [, name, arg] = /^([^[]+)(?:\[(.*)\])?$/.exec(text)!;
  const found = TABLE.lookup(name!, arg);
  if (!found.ok) throw new Error(found.message);
  return found.ref.spec.print?.(event, found.ref.arg);
}

/** Values of several fields, for one comparison. */
export function valuesOf(event: Event, fields: readonly string[]): Record<string, Value | undefined> {
  return Object.fromEntries(fields.map((field) => [field, fieldOf(event, field)]));
}

/** A host with sshd ─ bash ─ cat, as in the reference's examples; sshd's parent is not known. */
export function shellWorld(options?: ConstructorParameters<typeof World>[0]): World {
  const world = new World(options);
  world.run({ pid: 100, ppid: 0, start: 10, argv: ['/usr/sbin/sshd', '-D'] });
  world.run({ pid: 200, ppid: 100, start: 20, argv: ['-bash'], comm: 'bash' });
  world.run({ pid: 300, ppid: 200, start: 30, argv: ['cat', '/etc/../etc/shadow'] });
  return world;
}

export const ip = (text: string): string => parseAddress(text)!;

/** A sockaddr_in or sockaddr_in6. */
export function sockaddr(address: string, port: number): string {
  const bytes = ip(address);
  const portBytes = String.fromCharCode(port >> 8, port & 0xff);
  return bytes.length === 4
    ? `\x02\0${portBytes}${bytes}${'\0'.repeat(8)}`
    : `\x0a\0${portBytes}\0\0\0\0${bytes}\0\0\0\0`;
}
