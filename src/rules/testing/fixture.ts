/** A field table over plain records, for the tests of the rule language. */
import type { EventNames, FieldSpec, FieldType, Value } from '../field-spec.ts';
import { FieldTable } from '../field-table.ts';

export interface TestEvent {
  readonly type: string;
  /** Values by field text: `proc.name`, `proc.aname[2]`, `evt.arg.flags`. */
  readonly values: Readonly<Record<string, Value>>;
}

type Extra = Partial<Omit<FieldSpec<TestEvent>, 'name' | 'type' | 'get'>>;

function field(name: string, type: FieldType, extra: Extra = {}): FieldSpec<TestEvent> {
  return {
    name,
    type,
    doc: name,
    ...extra,
    get: (event, arg) => {
      if (name === 'evt.type') return event.type;
      if (arg === undefined) return event.values[name];
      return event.values[`${name}[${arg}]`] ?? event.values[`${name}.${arg}`];
    },
  };
}

const ANCESTOR: Extra = { arg: 'index', any: { notEqual: 'some' }, noRhs: true, noTransformer: true };
const ENDPOINT: Extra = { any: { notEqual: 'every' }, filterOnly: true, noRhs: true, noTransformer: true };
const ARGUMENTS =
  'name path flags mode res fd pid uid newpath oldpath request target linkpath filename cmd domain';

const STRINGS = `proc.exe proc.exepath proc.cmdline proc.exeline proc.pname proc.pcmdline proc.pexe
  proc.pexepath proc.sname user.name user.loginname group.name evt.res fd.type fd.typechar fd.name fd.nameraw
  fd.directory fd.filename fd.l4proto fd.sockfamily container.id container.name syscall.type thread.cap_effective
  thread.cap_permitted container.mounts evt.args evt.dir fd.cip.name fd.sip.name fd.lip.name fd.rip.name`;
const LATE = 'container.image.repository container.image.tag k8s.pod.name k8s.ns.name container.type';
const INTEGERS = `proc.pid proc.ppid proc.vpid user.loginuid fd.num evt.rawres thread.tid container.start_ts
  proc.exe_ino.ctime proc.exe_ino.mtime proc.exe_ino.ctime_duration_proc_start`;
const UNSIGNED = 'evt.num user.uid group.gid proc.tty proc.cmdnargs';
const BOOLEANS = `evt.is_open_read evt.is_open_write evt.is_open_exec evt.failed fd.connected fd.name_changed
  container.privileged proc.is_exe_upper_layer proc.is_exe_from_memfd proc.is_vpgid_leader evt.is_async`;

const words = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

export const TEST_FIELDS = new FieldTable<TestEvent>([
  field('evt.type', 'string'),
  field('proc.name', 'string'),
  field('proc.args', 'string', { arg: 'index' }),
  field('proc.env', 'string', { arg: 'key', reads: ['env'] }),
  field('proc.cwd', 'string', { reads: ['cwd'] }),
  ...words(STRINGS).map((name) => field(name, 'string')),
  ...words(LATE).map((name) => field(name, 'string', { late: true, suggested: name !== 'container.type' })),
  ...words(INTEGERS).map((name) => field(name, 'int')),
  ...words(UNSIGNED).map((name) => field(name, 'uint')),
  ...words(BOOLEANS).map((name) => field(name, 'bool')),
  ...['proc.aname', 'proc.aexe', 'proc.aexepath', 'proc.acmdline'].map((name) =>
    field(name, 'string', ANCESTOR),
  ),
  field('proc.apid', 'int', ANCESTOR),
  field('proc.duration', 'reltime'),
  field('evt.rawtime', 'time'),
  field('evt.time', 'string', { json: (event) => event.values['evt.rawtime'] as bigint }),
  field('evt.buffer', 'bytes'),
  field('evt.arg', 'string', {
    arg: 'index',
    argRequired: true,
    suffix: { doc: 'an argument of some event', accepts: (name) => words(ARGUMENTS).includes(name) },
  }),
  field('container.label', 'string', {
    arg: 'key',
    argRequired: true,
    suffix: { doc: 'a label', accepts: () => true },
  }),
  field('container.mount.dest', 'string', { arg: 'either', argRequired: true }),
  field('fd.types', 'string', { list: true, arg: 'index', noRhs: true }),
  field('proc.arglist', 'string', { list: true }),
  field('fd.dev', 'uint', { format: 'hex' }),
  field('evt.rawtime.ns', 'uint', { format: 'pad9' }),
  field('fd.ip', 'ip', ENDPOINT),
  field('fd.net', 'net', ENDPOINT),
  field('fd.port', 'port', ENDPOINT),
  ...['fd.cip', 'fd.sip', 'fd.lip', 'fd.rip'].map((name) => field(name, 'ip')),
  ...['fd.cnet', 'fd.snet', 'fd.rnet'].map((name) => field(name, 'net', { filterOnly: true, noRhs: true })),
  ...['fd.cport', 'fd.sport', 'fd.lport', 'fd.rport'].map((name) => field(name, 'port')),
]);

const NAMED_EVENTS =
  words(`open openat openat2 creat close execve execveat connect accept accept4 listen dup dup2
  dup3 rename renameat renameat2 unlink unlinkat rmdir mkdir mkdirat symlink symlinkat link linkat chmod fchmod
  fchmodat ptrace setuid socket sendto sendmsg recvfrom recvmsg bpf init_module finit_module setns unshare
  userfaultfd clone clone3 fork vfork kill mount read write`);

/** Real names first, then enough others that "all" is more than a hundred. */
export const TEST_EVENT_NAMES = [...NAMED_EVENTS, ...Array.from({ length: 120 }, (_, i) => `other_${i}`)];

const CODES = new Map(TEST_EVENT_NAMES.map((name, code) => [name, code]));

export const TEST_EVENTS: EventNames = { names: TEST_EVENT_NAMES, code: (name) => CODES.get(name) };

/** The bytes of an IPv4 address. */
export function ipv4(text: string): string {
  return String.fromCharCode(...text.split('.').map(Number));
}
