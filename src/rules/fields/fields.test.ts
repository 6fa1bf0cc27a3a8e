import assert from 'node:assert/strict';
import { test } from 'node:test';
import { localStamp } from '../../engine/enrich/clock.ts';
import type { ContainerMetadata, PodMetadata } from '../../engine/enrich/container.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { RF_FD_TYPE as T } from '../../sensors/record/layout.gen.ts';
import { compileCondition, compileOutputFormat } from '../condition.ts';
import type { Value } from '../field-spec.ts';
import { MEANT } from './meant.ts';
import { BOOT, fieldOf, ip, printOf, shellWorld, sockaddr, TABLE, valuesOf, World } from './test-world.ts';

const LANGUAGE = { fields: TABLE, events: EVENT_NAMES };

type Expected = Record<string, Value | undefined>;

function check(event: Parameters<typeof valuesOf>[0], expected: Expected): void {
  assert.deepEqual(valuesOf(event, Object.keys(expected)), expected);
}

const TCP = { fdType: T.IPV4, fdProto: 6, fdSockType: 1, fdFamily: 2 } as const;
const UDP = { fdType: T.IPV4, fdProto: 17, fdSockType: 2, fdFamily: 2 } as const;

test('E1: a file opened by a relative detour shows lexical names and the process chain', () => {
  const world = shellWorld();
  const event = world.call('openat', 300, {
    ret: 3,
    args: [-100, 0x7000, 0, 0],
    path0: '/etc/../etc/shadow',
    fdType: T.FILE,
    fdPath: '/etc/shadow',
    fdDev: 0x801,
    fdIno: 77,
  });
  check(event, {
    'evt.type': 'openat',
    'evt.category': 'file',
    'evt.res': 'SUCCESS',
    'evt.rawres': 3,
    'evt.failed': false,
    'evt.is_open_read': true,
    'evt.is_open_write': false,
    'evt.arg.flags': 'O_RDONLY',
    'evt.arg[3]': 'O_RDONLY',
    'evt.arg.fd': '<f>/etc/shadow',
    'evt.arg.dirfd': 'AT_FDCWD',
    'evt.arg.name': '/etc/../etc/shadow',
    'evt.arg.path': undefined,
    'evt.arg[9]': undefined,
    'evt.rawarg.flags': 1,
    'evt.args':
      'fd=3(<f>/etc/shadow) dirfd=-100(AT_FDCWD) name=/etc/../etc/shadow flags=1(O_RDONLY) mode=0 dev=801 ino=77',
    'fd.num': 3,
    'fd.type': 'file',
    'fd.typechar': 'f',
    'fd.name': '/etc/shadow',
    'fd.nameraw': '/etc/../etc/shadow',
    'fd.directory': '/etc',
    'fd.filename': 'shadow',
    'fd.l4proto': '<NA>',
    'fd.ip': [],
    'fd.sip': undefined,
    'fd.sockfamily': undefined,
    'fd.dev': 0x801,
    'fd.dev.major': 8,
    'fd.dev.minor': 1,
    'fd.ino': 77,
    'fs.path.name': '/etc/shadow',
    'fs.path.nameraw': '/etc/../etc/shadow',
    'proc.name': 'cat',
    'proc.exe': 'cat',
    'proc.exepath': '/usr/bin/cat',
    'proc.args': '/etc/../etc/shadow',
    'proc.args[0]': '/etc/../etc/shadow',
    'proc.args[7]': '',
    'proc.cmdline': 'cat /etc/../etc/shadow',
    'proc.exeline': 'cat /etc/../etc/shadow',
    'proc.pname': 'bash',
    'proc.pexe': '-bash',
    'proc.pcmdline': 'bash',
    'proc.pexeline': '-bash',
    'proc.aname': ['bash', 'sshd'],
    'proc.aname[0]': 'cat',
    'proc.aname[2]': 'sshd',
    'proc.aname[3]': undefined,
    'proc.aexepath[2]': '/usr/bin/sshd',
    'proc.acmdline[2]': 'sshd -D',
    'proc.apid[1]': 200,
    'proc.cwd': '/home/me/',
    'proc.ppid': 200,
    'user.uid': 0,
    'user.name': 'root',
    'user.loginuid': -1,
    'user.loginname': '<NA>',
    'group.gid': 0,
    'group.name': 'root',
    'container.id': 'host',
    'container.name': 'host',
    'container.image.repository': '',
    'container.privileged': false,
    'container.host_pid': false,
    'container.host_network': false,
    'container.host_ipc': false,
    'k8s.ns.name': undefined,
    'evt.hostname': 'test-host',
  });
});

test('E2: a program in a container whose image is not known yet', () => {
  const world = new World();
  const id = 'ab'.repeat(32);
  const event = world.run({
    pid: 900,
    ppid: 0,
    start: 50,
    argv: ['nc', '-e', '/bin/sh'],
    more: {
      vpid: 1,
      cgroupPath: `/system.slice/docker-${id}.scope`,
      exeFlags: 3,
      tty: 34816,
      pidnsStart: 40,
    },
  });
  check(event, {
    'evt.type': 'execve',
    'evt.res': 'SUCCESS',
    'evt.rawres': 0,
    'evt.arg.flags': 'EXE_WRITABLE|EXE_UPPER_LAYER',
    'evt.arg.exe': 'nc',
    'evt.arg.args': '-e./bin/sh.',
    'evt.arg.filename': '/usr/bin/nc',
    'evt.arg.comm': 'nc',
    'container.id': 'abababababab',
    'container.full_id': id,
    'container.type': 'docker',
    'container.name': undefined,
    'container.image.repository': undefined,
    'container.privileged': undefined,
    'container.host_pid': undefined,
    'container.start_ts': BOOT + 40n,
    'fd.name': undefined,
    'fd.num': undefined,
    'proc.args': '-e /bin/sh',
    'proc.args[0]': '-e',
    'proc.args[7]': '',
    'proc.vpid': 1,
    'proc.tty': 34816,
    'proc.is_exe_upper_layer': true,
    'proc.is_exe_from_memfd': false,
    'proc.pname': undefined,
    'proc.ppid': undefined,
    'proc.aname': [],
  });
});

test('labels are listed by name, without those of kubelet, and without a colon where there is no value', () => {
  const labels = new Map([
    ['tier', ''],
    ['io.kubernetes.pod.name', 'web-0'],
    ['app', 'web'],
    ['annotation.checksum', '1'],
    ['annotations', 'kept'],
  ]);
  const cgroupPath = `/docker/${'cd'.repeat(32)}`;
  const event = new World().run({ pid: 900, ppid: 0, start: 50, argv: ['sh'], more: { cgroupPath } });
  const pod: Partial<PodMetadata> = { labels };
  const told: Partial<ContainerMetadata> = {
    labels,
    privileged: true,
    hostPid: false,
    hostNetwork: true,
    pod: pod as PodMetadata,
  };
  event.container!.metadata = told as ContainerMetadata;
  check(event, {
    'container.labels': 'annotations:kept, app:web, tier',
    'k8s.pod.labels': 'annotations:kept, app:web, tier',
    'container.label.io.kubernetes.pod.name': 'web-0',
    'container.label.tier': '',
    'container.privileged': true,
    'container.host_pid': false,
    'container.host_network': true,
    'container.host_ipc': undefined,
  });
});

test('E3: a connection under way has its tuple', () => {
  const world = shellWorld();
  const event = world.call('connect', 300, {
    ...TCP,
    ret: -115,
    args: [5, 0x7000, 16],
    addr: sockaddr('203.0.113.10', 443),
    fdRole: 1,
    fdLaddr: ip('10.0.0.5'),
    fdLport: 40000,
    fdRaddr: ip('203.0.113.10'),
    fdRport: 443,
  });
  check(event, {
    'evt.res': 'EINPROGRESS',
    'evt.rawres': -115,
    'evt.arg.tuple': '10.0.0.5:40000->203.0.113.10:443',
    'evt.arg.addr': '203.0.113.10:443',
    'fd.num': 5,
    'fd.type': 'ipv4',
    'fd.typechar': '4',
    'fd.name': '10.0.0.5:40000->203.0.113.10:443',
    'fd.sip': ip('203.0.113.10'),
    'fd.cip': ip('10.0.0.5'),
    'fd.sport': 443,
    'fd.cport': 40000,
    'fd.lip': ip('10.0.0.5'),
    'fd.rip': ip('203.0.113.10'),
    'fd.lport': 40000,
    'fd.rport': 443,
    'fd.ip': [ip('10.0.0.5'), ip('203.0.113.10')],
    'fd.port': [40000, 443],
    'fd.proto': [40000, 443],
    'fd.sproto': '443',
    'fd.lproto': '40000',
    'fd.l4proto': 'tcp',
    'fd.sockfamily': 'ip',
    'fd.connected': true,
    'fd.is_server': false,
    'fd.directory': undefined,
    'fd.filename': undefined,
  });
  for (const [condition, holds] of [
    ['fd.proto = 443', true],
    ['fd.proto = https', true],
    ['fd.proto in (ssh, https)', true],
    ['fd.proto = ssh', false],
    ['fd.proto > 1023', true],
    ['fd.sproto = 443', true],
    ['fd.sproto = https', false],
  ] as const) {
    const compiled = compileCondition(condition, LANGUAGE);
    assert.ok(compiled.ok, condition);
    assert.equal(compiled.test(event), holds, condition);
  }
});

test('E4: a refused connection has no ends', () => {
  const world = shellWorld();
  const event = world.call('connect', 300, {
    ...TCP,
    ret: -111,
    args: [5, 0x7000, 16],
    addr: sockaddr('203.0.113.10', 443),
  });
  check(event, {
    'evt.res': 'ECONNREFUSED',
    'fd.type': 'ipv4',
    'fd.typechar': '4',
    'fd.name': '',
    'fd.sip': undefined,
    'fd.cip': undefined,
    'fd.rip': undefined,
    'fd.ip': [ip('0.0.0.0'), ip('0.0.0.0')],
    'fd.connected': false,
    'evt.arg.tuple': '0.0.0.0:0->203.0.113.10:443',
  });
});

test('failed opens keep the name and have no descriptor', () => {
  const world = shellWorld();
  const failed = { ret: -2, path0: 'no//file', base0: '/srv' } as const;
  check(world.call('openat', 300, { ...failed, args: [-100, 0, 0o101] }), {
    'fd.num': -1,
    'fd.type': undefined,
    'fd.typechar': 'f',
    'fd.name': '/srv/no/file',
    'fd.nameraw': 'no/file',
    'fd.directory': '/srv/no',
    'fd.filename': undefined,
    'evt.res': 'ENOENT',
    'evt.arg.fd': 'ENOENT',
    'evt.arg.name': '/srv/no/file',
    'evt.arg.flags': 'O_CREAT|O_WRONLY',
    'evt.is_open_write': true,
    'fs.path.name': undefined,
    'evt.failed': true,
    'evt.count.error.file': 1,
  });
  check(world.call('open', 300, { ...failed, args: [0, 0] }), {
    'fd.typechar': 'o',
    'fd.name': '/srv/no/file',
  });
});

test('a directory is one only when it was opened as such', () => {
  const world = shellWorld();
  const opened = { ret: 4, path0: '/etc', fdType: T.DIR, fdPath: '/etc' } as const;
  check(world.call('openat', 300, { ...opened, args: [-100, 0, 0o200000] }), {
    'fd.typechar': 'd',
    'fd.type': 'directory',
    'fd.directory': '/etc',
    'fd.filename': undefined,
    'evt.arg.flags': 'O_DIRECTORY|O_RDONLY',
  });
  check(world.call('openat', 300, { ...opened, args: [-100, 0, 0] }), {
    'fd.typechar': 'f',
    'fd.directory': '/',
  });
});

test('openat2 and creat show their own parameters', () => {
  const world = shellWorld();
  const how = Buffer.alloc(24);
  how.writeBigUInt64LE(0o101n, 0);
  how.writeBigUInt64LE(0o755n, 8);
  how.writeBigUInt64LE(8n, 16);
  check(
    world.call('openat2', 300, {
      ret: 3,
      args: [-100, 0, 0, 24],
      path0: '/tmp/x',
      data: how.toString('latin1'),
      fdType: T.FILE,
      fdFMode: 0x100000,
    }),
    {
      'evt.arg.flags': 'O_CREAT|O_WRONLY|O_F_CREATED',
      'evt.arg.mode': '0755',
      'evt.arg.resolve': 'RESOLVE_BENEATH',
      'evt.is_open_exec': true,
      'evt.is_open_create': true,
      'evt.is_open_write': true,
    },
  );
  check(world.call('creat', 300, { ret: 3, args: [0, 0o644], path0: '/tmp/x', fdType: T.FILE, fdLayer: 1 }), {
    'evt.arg.flags': undefined,
    'evt.arg.creat_flags': 'FD_UPPER_LAYER_CREAT',
    'evt.arg.mode': '0644',
    'evt.is_open_write': false,
    'evt.is_open_exec': false,
    'fd.name': '/tmp/x',
  });
});

test('calls on names show absolute paths but raw link targets', () => {
  const world = shellWorld();
  check(
    world.call('renameat2', 300, {
      args: [-100, 0, 7, 0, 1],
      path0: 'a',
      base0: '/src',
      path1: 'b',
      base1: '/dst',
    }),
    {
      'evt.arg.oldpath': '/src/a',
      'evt.arg.newpath': '/dst/b',
      'evt.arg.flags': 'RENAME_NOREPLACE',
      'evt.arg.newdirfd': '<d>/dst',
      'fs.path.source': '/src/a',
      'fs.path.target': '/dst/b',
      'fs.path.sourceraw': 'a',
      'fd.name': undefined,
    },
  );
  check(world.call('symlinkat', 300, { args: [0, -100, 0], path0: '/etc/', path1: 'l', base1: '/tmp' }), {
    'evt.arg.target': '/etc/',
    'evt.arg.linkpath': '/tmp/l',
    'fs.path.source': '/tmp/l',
    'fs.path.target': '/etc/',
    'fd.num': -100,
    'fd.name': '',
  });
  check(
    world.call('linkat', 300, { ret: -13, args: [-100, 0, -100], path0: '/etc/shadow', path1: '/tmp/s' }),
    {
      'evt.arg.oldpath': '/etc/shadow',
      'evt.arg.newpath': '/tmp/s',
      'evt.res': 'EACCES',
      'fs.path.source': undefined,
    },
  );
  check(world.call('unlinkat', 300, { args: [-100, 0, 0x200], path0: 'd', base0: '/tmp' }), {
    'evt.arg.name': '/tmp/d',
    'evt.arg.flags': 'AT_REMOVEDIR',
    'fs.path.name': '/tmp/d',
  });
  check(
    world.call('mount', 300, { args: [0, 0, 0, 0x1000], path0: 'none', path1: '/mnt', data: 'tmpfs\0junk' }),
    {
      'evt.arg.dev': 'none',
      'evt.arg.dir': '/mnt',
      'evt.arg.type': 'tmpfs',
      'evt.arg.flags': 'BIND',
    },
  );
  check(world.call('chmod', 300, { args: [0, 0o4755], path0: '/bin/x' }), {
    'evt.arg.mode': 'S_IXOTH|S_IROTH|S_IXGRP|S_IRGRP|S_IXUSR|S_IWUSR|S_IRUSR|S_ISUID',
    'evt.arg.filename': '/bin/x',
    'evt.rawarg.mode': 0o4755,
  });
  check(world.call('fchmod', 300, { args: [4, 0o600], fdType: T.FILE, fdPath: '/tmp/f (deleted)' }), {
    'evt.arg.fd': '<f>/tmp/f',
    'fd.name': '/tmp/f',
    'fs.path.name': '/tmp/f',
  });
});

test('numbers that have names show them', () => {
  const world = shellWorld();
  check(world.call('ptrace', 300, { args: [0x4206, 200, 0, 0] }), {
    'evt.arg.request': 'PTRACE_SEIZE',
    'evt.arg.pid': 'bash',
    'evt.rawarg.request': 20,
  });
  check(world.call('bpf', 300, { ret: 6, args: [5, 0, 0] }), {
    'evt.arg.cmd': 'BPF_PROG_LOAD',
    'fd.typechar': 'b',
  });
  check(world.call('setuid', 300, { args: [0] }), { 'evt.arg.uid': 'root', 'fd.name': undefined });
  check(world.call('setresuid', 300, { args: [0xffffffff, 4242424, 0] }), {
    'evt.arg.ruid': '<NONE>',
    'evt.arg.euid': '<NA>',
    'evt.arg.suid': 'root',
    'evt.args': 'res=0 ruid=-1(<NONE>) euid=4242424(<NA>) suid=0(root)',
    'evt.rawarg.euid': 4242424,
  });
  check(world.call('kill', 300, { args: [12345, 9] }), { 'evt.arg.sig': 'SIGKILL', 'evt.arg.pid': '12345' });
  check(world.call('kill', 300, { args: [-1, 15] }), { 'evt.args': 'res=0 pid=-1 sig=15(SIGTERM)' });
  check(world.call('unshare', 300, { args: [0x10000000] }), { 'evt.arg.flags': 'CLONE_NEWUSER' });
  check(
    world.call('socket', 300, { ret: 3, args: [17, 0o4003, 768], fdType: T.OTHER_SOCKET, fdFamily: 17 }),
    {
      'evt.arg.domain': 'AF_PACKET',
      'evt.arg.type': '3',
      'evt.arg.proto': '768',
      'evt.arg.flags': 'O_NONBLOCK',
      'fd.type': '<NA>',
      'fd.typechar': 'o',
      'fd.l4proto': '<NA>',
    },
  );
});

test('missing values of a parameter are told from missing parameters', () => {
  const world = shellWorld();
  check(world.call('unlink', 300, { ret: -14, args: [1] }), {
    'evt.arg.path': '<NA>',
    'evt.arg.name': undefined,
    'evt.args': 'res=-14(EFAULT) path=<NA>',
  });
  check(world.call('getpid', 300, { ret: 300 }), {
    'evt.type': 'getpid',
    'evt.args': '',
    'evt.res': undefined,
    'evt.rawres': undefined,
    'evt.category': 'other',
    'fd.num': undefined,
    'syscall.type': 'getpid',
    'evt.type.is.getpid': 1,
    'evt.type.is.open': 0,
  });
});

test("a container that connects to its host has the container's end", () => {
  const world = new World();
  const cgroupPath = `/system.slice/docker-${'ab'.repeat(32)}.scope`;
  const { container } = world.run({ pid: 900, ppid: 0, start: 50, argv: ['nc'], more: { cgroupPath } });
  container!.metadata = { ip: '172.17.0.2' } as ContainerMetadata;
  const ends = { fdRole: 1, fdLaddr: ip('172.17.0.2'), fdLport: 40000, fdRaddr: ip('10.0.0.5'), fdRport: 22 };
  check(world.call('connect', 900, { ...TCP, ...ends, ret: 0, args: [5, 0x7000, 16] }), {
    'fd.lip': ip('172.17.0.2'),
    'fd.lport': 40000,
    'fd.rip': ip('10.0.0.5'),
    'fd.rport': 22,
  });
});

test('an accepted connection is seen from the server', () => {
  const world = shellWorld();
  const server = { ...TCP, fdLaddr: ip('10.0.0.5'), fdLport: 22, fdRole: 2 } as const;
  check(world.call('accept4', 300, { ...server, ret: 9, fdRaddr: ip('198.51.100.7'), fdRport: 5555 }), {
    'fd.num': 9,
    'fd.name': '198.51.100.7:5555->10.0.0.5:22',
    'fd.cip': ip('198.51.100.7'),
    'fd.sip': ip('10.0.0.5'),
    'fd.sport': 22,
    'fd.lport': 22,
    'fd.rip': ip('198.51.100.7'),
    'fd.is_server': true,
    'fd.connected': true,
  });
  check(world.call('listen', 300, { ...server, args: [4, 128] }), {
    'fd.name': '10.0.0.5:22',
    'fd.sip': ip('10.0.0.5'),
    'fd.cip': undefined,
    'fd.ip': [ip('10.0.0.5')],
    'fd.port': [22],
    'fd.is_server': true,
    'fd.connected': false,
  });
  check(world.call('accept', 300, { ret: -11 }), { 'fd.num': -1, 'fd.typechar': '4', 'fd.name': undefined });
});

test('who opened a connection follows from the event, else from the lower port', () => {
  const world = shellWorld();
  const ends = { ...TCP, fdLaddr: ip('10.0.0.5'), fdRaddr: ip('192.0.2.1') } as const;
  const cases: [call: string, lport: number, rport: number, server: boolean][] = [
    ['accept4', 8080, 22, true],
    ['dup', 40000, 4444, false],
    ['dup', 4444, 40000, true],
  ];
  for (const [call, fdLport, fdRport, server] of cases) {
    const event = world.call(call, 300, { ...ends, ret: 3, fdLport, fdRport });
    assert.equal(fieldOf(event, 'fd.is_server'), server, `${call} ${fdLport}`);
    assert.equal(fieldOf(event, 'fd.connected'), true);
  }
});

test('a datagram to a socket without peer gives it one', () => {
  const world = shellWorld();
  const event = world.call('sendto', 300, {
    ...UDP,
    ret: 4,
    args: [3, 0, 4, 0, 0, 16],
    addr: sockaddr('192.0.2.53', 53),
    fdLaddr: ip('0.0.0.0'),
    fdLport: 33333,
    data: 'a\0\xff!',
  });
  check(event, {
    'fd.name': '0.0.0.0:33333->192.0.2.53:53',
    'fd.sip': ip('192.0.2.53'),
    'fd.l4proto': 'udp',
    'fd.name_changed': true,
    'fd.connected': true,
    'evt.buffer': 'a\0\xff!',
    'evt.arg.data': 'a..!',
    'evt.buflen': 4,
    'evt.io_dir': 'write',
    'evt.arg.tuple': '0.0.0.0:33333->192.0.2.53:53',
  });
  check(
    world.call('recvfrom', 300, {
      ...UDP,
      ret: 9,
      args: [3],
      addr: sockaddr('192.0.2.53', 53),
      fdLport: 33333,
      fdLaddr: ip('10.0.0.5'),
    }),
    { 'fd.cip': ip('192.0.2.53'), 'fd.sport': 33333, 'fd.is_server': true, 'evt.is_io_read': true },
  );
});

test('IPv6 is written without brackets, and IPv4 inside it as IPv4', () => {
  const mapped = (text: string): string => `${'\0'.repeat(10)}\xff\xff${ip(text)}`;
  const world = shellWorld();
  const v6 = { fdType: T.IPV6, fdProto: 6, fdSockType: 1, fdFamily: 10, fdRole: 1, args: [5] } as const;
  check(
    world.call('connect', 300, {
      ...v6,
      fdLaddr: ip('::1'),
      fdLport: 5000,
      fdRaddr: ip('::1'),
      fdRport: 9999,
    }),
    {
      'fd.name': '::1:5000->::1:9999',
      'fd.type': 'ipv6',
      'fd.typechar': '6',
      'fd.sip': ip('::1'),
    },
  );
  check(
    world.call('connect', 300, {
      ...v6,
      fdLaddr: mapped('10.0.0.5'),
      fdLport: 5000,
      fdRaddr: mapped('192.0.2.1'),
      fdRport: 80,
    }),
    {
      'fd.name': '10.0.0.5:5000->192.0.2.1:80',
      'fd.type': 'ipv4',
      'fd.typechar': '4',
      'fd.sip': ip('192.0.2.1'),
    },
  );
});

test('unix sockets, pipes and duplicates', () => {
  const world = shellWorld();
  check(
    world.call('connect', 300, {
      args: [3],
      fdType: T.UNIX,
      fdFamily: 1,
      fdSock: 0xffff8881n,
      fdPeer: 0xffff8882n,
      fdPath: '/run/x.sock',
    }),
    {
      'fd.name': 'ffff8881->ffff8882 /run/x.sock',
      'fd.typechar': 'u',
      'fd.sockfamily': 'unix',
      'fd.l4proto': '<NA>',
      'fd.ip': [],
    },
  );
  check(
    world.call('dup2', 300, {
      ret: 1,
      args: [5, 1],
      ...TCP,
      fdRole: 1,
      fdLaddr: ip('10.0.0.5'),
      fdLport: 1,
      fdRaddr: ip('192.0.2.1'),
      fdRport: 2,
    }),
    {
      'fd.num': 1,
      'fd.type': 'ipv4',
      'fd.name': '10.0.0.5:1->192.0.2.1:2',
      'evt.arg.res': '<4t>10.0.0.5:1->192.0.2.1:2',
      'evt.arg.newfd': '1',
    },
  );
  check(world.call('pipe2', 300, { args: [0, 0o2000000], data: '\x03\0\0\0\x04\0\0\0' }), {
    'fd.num': 4,
    'evt.args': 'res=0 fd1=3(<p>) fd2=4(<p>) ino=<NA> flags=4096(O_CLOEXEC)',
    'fd.typechar': 'p',
    'fd.type': 'pipe',
    'fd.name': '',
    'evt.arg.flags': 'O_CLOEXEC',
    'evt.rawarg.fd2': 4,
  });
  check(
    world.call('memfd_create', 300, {
      ret: 7,
      args: [0, 1],
      path0: 'secret',
      fdType: T.MEMFD,
      fdPath: '/memfd:secret (deleted)',
    }),
    {
      'fd.typechar': 'm',
      'fd.name': 'secret',
      'evt.arg.flags': 'MFD_CLOEXEC',
    },
  );
});

test('a unix socket is called what it is bound to until it has a peer', () => {
  const world = shellWorld();
  const socket = { args: [3], fdType: T.UNIX, fdFamily: 1, fdSock: 0xffff8881n } as const;
  const bound = { ...socket, fdPath: 'tsock' };
  for (const name of ['bind', 'listen', 'read', 'close'])
    check(world.call(name, 300, bound), { 'fd.name': 'tsock', 'fd.sockfamily': 'unix' });
  check(world.call('sendto', 300, { ...bound, ret: 1 }), { 'fd.name': 'ffff8881->0 tsock' });
  check(world.call('read', 300, { ...bound, fdPeer: 0xffff8882n, ret: 1 }), {
    'fd.name': 'ffff8881->ffff8882 tsock',
  });
});

test('a pair of sockets has the number of the second', () => {
  const pair = { args: [1, 1, 0], data: '\x05\0\0\0\x06\0\0\0' } as const;
  check(shellWorld().call('socketpair', 300, pair), {
    'fd.num': 6,
    'fd.type': 'unix',
    'evt.arg.fd1': '<u>',
    'evt.rawarg.fd1': 5,
  });
  check(shellWorld().call('socketpair', 300, { args: [1, 1, 0], ret: -24 }), { 'fd.num': -1 });
});

test('a failed exec shows the attempt in its parameters and the caller in its fields', () => {
  const world = shellWorld();
  check(
    world.call('execve', 300, {
      ret: -2,
      args: [0, 0, 0],
      path0: './evil',
      base0: '/tmp',
      data: 'evil\0-x\0',
    }),
    {
      'evt.type': 'execve',
      'evt.res': 'ENOENT',
      'evt.arg.exe': 'evil',
      'evt.arg.args': '-x.',
      'evt.arg.filename': '/tmp/evil',
      'evt.arg.flags': '0',
      'proc.name': 'cat',
      'proc.cmdline': 'cat /etc/../etc/shadow',
    },
  );
});

test('the texts of parameters are those of Falco', () => {
  const world = new World();
  const program = world.run({
    pid: 10,
    ppid: 0,
    start: 1,
    argv: ['sleep', '1.0', '5\n'],
    env: ['A=1', 'B=\xc3\xa9'],
    more: { exeCtime: 1_663_687_647_000_000_000n, exeMtime: 5n },
  });
  check(program, {
    'evt.arg.args': '1.0.5..',
    'evt.rawarg.args': '1.0\x005\n\0',
    'evt.arg.env': 'A=1.B=...',
    'evt.arg.cgroups': '/user.slice',
    'evt.arg.loginuid': '<NONE>',
    'evt.arg.exe_ino_ctime': localStamp(1_663_687_647_000_000_000n),
    'evt.arg.exe_ino_mtime': localStamp(5n),
    'proc.args': '1.0 5\n',
  });
  assert.match(String(fieldOf(program, 'evt.args')), / args=1\.0\.5\.\. .* loginuid=-1\(<NONE>\) /);
  check(world.run({ pid: 20, ppid: 10, start: 2, argv: ['true'] }), { 'evt.arg.args': 'NULL' });
  for (const [spec, text] of [
    [{ ...TCP, fdLport: 80 }, '3(<4t>0.0.0.0:80)'],
    [{ ...UDP, fdLport: 53 }, '3(<4u>0.0.0.0:53)'],
    [{ ...UDP, fdProto: 1 }, '3(<4i>)'],
    [{ ...UDP, fdSockType: 3 }, '3(<4r>)'],
    [{ ...TCP, fdType: T.IPV6, fdLaddr: ip('::1'), fdLport: 80 }, '3(<6t>::1:80)'],
    [{ fdType: T.UNIX, fdSock: 1n, fdPath: '/run/s' }, '3(<u>/run/s)'],
    [{ fdType: T.FILE, fdPath: '/tmp/f' }, '3(<f>/tmp/f)'],
  ] as const)
    check(world.call('close', 20, { args: [3], ...spec }), { 'evt.args': `res=0 fd=${text}` });
});

test('times are those of the boot clock on the epoch', () => {
  const world = shellWorld();
  const event = world.run({
    pid: 400,
    ppid: 300,
    start: 500_000,
    argv: ['x'],
    more: { exeCtime: BOOT + 400_000n, exeMtime: BOOT - 5n },
  });
  check(event, {
    'evt.rawtime': BOOT + BigInt(world.now),
    'evt.rawtime.s': 1_700_000_001,
    'evt.rawtime.ns': 4000,
    'evt.time.iso8601': '2023-11-14T22:13:21.000004000+0000',
    'proc.duration': world.now - 500_000,
    'proc.pid.ts': BOOT + 500_000n,
    'proc.exe_ino.ctime': BOOT + 400_000n,
    'proc.exe_ino.mtime': BOOT - 5n,
    'proc.exe_ino.ctime_duration_proc_start': 100_000,
    'container.start_ts': undefined,
    'evt.reltime': 3000,
  });
});

test('sessions and groups have leaders', () => {
  const world = shellWorld();
  const event = world.run({
    pid: 400,
    ppid: 300,
    start: 60,
    argv: ['worker'],
    more: { sid: 100, pgid: 200, vpgid: 999 },
  });
  check(event, {
    'proc.sid': 100,
    'proc.sname': 'sshd',
    'proc.sid.exe': '/usr/sbin/sshd',
    'proc.pgid.name': 'bash',
    'proc.vpgid.name': 'worker',
    'proc.is_sid_leader': false,
    'proc.is_vpgid_leader': false,
    'proc.loginshellid': 200,
  });
  assert.equal(fieldOf(world.run({ pid: 500, ppid: 1, start: 70, argv: ['d'] }), 'proc.sname'), 'd');
});

test('the environment is whole or by name, also of ancestors', () => {
  const world = new World();
  world.run({ pid: 10, ppid: 0, start: 1, argv: ['a'], env: ['LEVEL=top', 'X=1'] });
  const event = world.run({
    pid: 20,
    ppid: 10,
    start: 2,
    argv: ['b'],
    env: ['LD_PRELOAD=/x.so', 'EMPTY=', 'A=', 'A=  b c ', 'BLANK=  '],
  });
  check(event, {
    'proc.env': 'LD_PRELOAD=/x.so EMPTY= A= A=  b c  BLANK=  ',
    'proc.env[A]': 'b c',
    'proc.env[BLANK]': '',
    'proc.env[LD_PRELOAD]': '/x.so',
    'proc.env[EMPTY]': '',
    'proc.env[NONE]': '',
    'proc.aenv[1]': 'LEVEL=top X=1',
    'proc.aenv[LEVEL]': 'top',
    'proc.aenv': ['LEVEL=top X=1'],
  });
});

test('capabilities and threads come from the record', () => {
  const world = shellWorld();
  const event = world.call('getpid', 300, {
    tid: 301,
    vtid: 7,
    capEffective: 1n << 16n,
    capPermitted: 3n,
    uid: 0,
    gid: 12345678,
    loginuid: 0,
  });
  check(event, {
    'thread.cap_effective': 'CAP_SYS_MODULE',
    'thread.cap_permitted': 'CAP_CHOWN CAP_DAC_OVERRIDE',
    'thread.cap_inheritable': '',
    'thread.tid': 301,
    'thread.vtid': 7,
    'thread.ismain': false,
    'group.name': '<NA>',
    'user.loginuid': 0,
    'user.loginname': 'root',
  });
});

test('where a call is seen before its end, the decision stands for the result', () => {
  const world = shellWorld();
  const early = { args: [-100, 0, 0], path0: '/etc/shadow', fdType: T.FILE, ret: 0 } as const;
  check(world.call('openat', 300, { ...early, flags: 4 }), {
    'evt.res': 'SUCCESS',
    'fd.num': 0,
    'fd.typechar': 'f',
    'evt.guarantee': 'observed',
  });
  check(world.call('openat', 300, { ...early, flags: 4 | 8 }), {
    'evt.res': 'EPERM',
    'fd.num': -1,
    'fd.name': '/etc/shadow',
    'evt.guarantee': 'denied',
  });
  const connecting = world.call('connect', 300, {
    ...TCP,
    args: [3],
    flags: 4,
    addr: sockaddr('192.0.2.9', 80),
    fdLaddr: ip('10.0.0.5'),
  });
  check(connecting, { 'fd.sip': ip('192.0.2.9'), 'fd.name': '10.0.0.5:0->192.0.2.9:80' });
});

test('fields of several values are printed as one text, of one ancestor as that', () => {
  const event = shellWorld().call('getpid', 300, {});
  const texts = {
    'proc.aname': 'bash sshd',
    'proc.aname[2]': 'sshd',
    'proc.aname[3]': undefined,
    'proc.apid': '300',
    'proc.apid[1]': '200',
    'proc.aenv': ' ',
    'proc.aenv[1]': '',
    'fd.sip.name': undefined,
  };
  for (const [field, text] of Object.entries(texts)) assert.equal(printOf(event, field), text, field);
});

test('calls about devices, options and limits show their arguments by name', () => {
  const world = shellWorld();
  const word = (value: number): string => String.fromCharCode(value & 0xff, (value >> 8) & 0xff, 0, 0);
  const socket = {
    ...TCP,
    fdRole: 1,
    fdLaddr: ip('10.0.0.5'),
    fdLport: 4000,
    fdRaddr: ip('10.0.0.9'),
    fdRport: 22,
  };
  check(world.call('setsockopt', 300, { args: [5, 1, 26, 0, 16], data: word(3), ...socket }), {
    'evt.type': 'setsockopt',
    'evt.category': 'net',
    'evt.arg.level': 'SOL_SOCKET',
    'evt.arg.optname': 'SO_ATTACH_FILTER',
    'evt.rawarg.level': 1,
    'evt.rawarg.optname': 26,
    'evt.arg.val': '3',
    'evt.arg[5]': '16',
    'fd.sport': 22,
    'evt.res': 'SUCCESS',
  });
  check(world.call('setsockopt', 300, { args: [5, 6, 31, 0, 4], ...socket }), {
    'evt.arg.level': 'SOL_TCP',
    'evt.arg.optname': 'TCP_ULP',
  });
  check(world.call('setsockopt', 300, { args: [5, 282, 1, 0, 4], ...socket }), {
    'evt.rawarg.level': 282,
    'evt.arg.level': 'SOL_TLS',
    'evt.arg.optname': '1',
  });
  check(
    world.call('ioctl', 300, {
      args: [0, 0x5412, 0x7fff_1234],
      ret: -25,
      fdType: T.FILE,
      fdPath: '/dev/pts/0',
    }),
    {
      'evt.arg.request': '5412',
      'evt.rawarg.request': 0x5412,
      'evt.arg.argument': '7FFF1234',
      'evt.arg.fd': '<f>/dev/pts/0',
      'fd.name': '/dev/pts/0',
      'evt.res': 'ENOTTY',
      'evt.category': 'file',
      'evt.is_io': false,
    },
  );
  check(
    world.call('prlimit64', 300, { args: [200, 7], data: `\0\x04${'\0'.repeat(6)}${'\xff'.repeat(8)}` }),
    {
      'evt.type': 'prlimit',
      'evt.arg.pid': 'bash',
      'evt.arg.resource': 'RLIMIT_NOFILE',
      'evt.arg.newcur': '1024',
      'evt.arg.newmax': '-1',
    },
  );
  check(world.call('futex', 300, { args: [4096, 0x81, 2] }), {
    'evt.arg.op': 'FUTEX_PRIVATE_FLAG|FUTEX_WAKE',
    'evt.arg.addr': '1000',
    'evt.arg.val': '2',
  });
  check(
    world.call('newfstatat', 300, {
      args: [-100, 0, 0, 0x100],
      ret: -2,
      path0: '../x',
      base0: '/tmp',
    }),
    {
      'evt.arg.path': '/x',
      'evt.arg.flags': 'AT_SYMLINK_NOFOLLOW',
      'evt.arg.dirfd': 'AT_FDCWD',
      'evt.res': 'ENOENT',
    },
  );
  check(world.call('access', 300, { args: [0, 6], path0: '/etc/shadow' }), {
    'evt.arg.mode': 'R_OK|W_OK',
    'evt.arg.name': '/etc/shadow',
  });
  check(world.call('getcwd', 300, { ret: 5, data: '/tmp\0' }), { 'evt.arg.path': '/tmp', 'evt.rawres': 5 });
  check(world.call('sendfile', 300, { args: [4, 3, 0, 100], ret: 100, fdType: T.FILE, fdPath: '/out' }), {
    'fd.num': 4,
    'fd.name': '/out',
    'evt.arg.in_fd': '3',
    'evt.is_io_write': true,
    'evt.buflen': 100,
  });
  check(
    world.call('fsconfig', 300, { args: [3, 1], path0: 'source', path1: '/dev/sda1', fdType: T.UNKNOWN }),
    {
      'evt.arg.cmd': 'FSCONFIG_SET_STRING',
      'evt.arg.key': 'source',
      'evt.arg.value_charbuf': '/dev/sda1',
    },
  );
  check(world.call('nanosleep', 300, { data: `\x01${'\0'.repeat(7)}\x02${'\0'.repeat(7)}` }), {
    'evt.arg.interval': '1s',
    'evt.args': 'res=0 interval=1000000002(1s)',
    'evt.rawarg.interval': 1_000_000_002,
  });
});

test('raw flags, requests and modes are written in hexadecimal or octal, in constants and outputs', () => {
  const event = shellWorld().call('ioctl', 300, { args: [0, 0x5412], fdType: T.FILE, fdPath: '/dev/pts/0' });
  const compiled = compileCondition(
    'evt.rawarg.request = 21522 and evt.rawarg.request in (0x5412)',
    LANGUAGE,
  );
  assert.ok(compiled.ok && compiled.test(event));
  const output = compileOutputFormat('%evt.rawarg.argument %evt.rawarg.request %evt.rawarg.fd', LANGUAGE);
  assert.ok(output.ok);
  assert.deepEqual(output.format.render(event), {
    message: '0 5412 0',
    fields: { 'evt.rawarg.argument': '0', 'evt.rawarg.request': '5412', 'evt.rawarg.fd': 0 },
  });
});

test('a raw parameter whose type is another in this event is missing', () => {
  const world = shellWorld();
  const ptrace = world.call('ptrace', 300, { args: [4, 200, 0x1000, 0x2000] });
  const mmap = world.call('mmap', 300, { args: [0x1000, 4096, 1, 2, 3, 0] });
  for (const condition of ['evt.rawarg.data startswith "ab"', 'evt.rawarg.addr endswith "ab"']) {
    const compiled = compileCondition(condition, LANGUAGE);
    assert.ok(compiled.ok, condition);
    for (const event of [ptrace, mmap]) assert.equal(compiled.test(event), false, condition);
  }
  check(world.call('mount', 300, { path0: '/dev/sda', path1: '/mnt', data: 'ext4\0' }), {
    'evt.arg.type': 'ext4',
    'evt.rawarg.type': undefined,
  });
  check(world.call('socket', 300, { args: [17, 3, 0], ret: 3 }), { 'evt.rawarg.type': 3 });
  const raw = compileCondition('evt.rawarg.type = 3', LANGUAGE);
  assert.ok(raw.ok && raw.test(world.call('socket', 300, { args: [17, 3, 0], ret: 3 })));
});

test('a descriptor that is no IP socket is not connected and no server, rather than unknown', () => {
  const world = shellWorld();
  const read = (spec: object) => world.call('read', 300, { args: [3, 0, 10], ret: 10, ...spec });
  check(read({ fdType: T.FILE, fdPath: '/etc/passwd' }), { 'fd.is_server': false, 'fd.connected': false });
  check(read({ fdType: T.UNIX, fdSock: 1n, fdPeer: 2n }), { 'fd.is_server': false, 'fd.connected': true });
  check(read({ fdType: T.UNIX, fdSock: 1n }), { 'fd.is_server': false, 'fd.connected': false });
  check(read({ fdType: T.UNKNOWN }), { 'fd.is_server': undefined, 'fd.connected': undefined });
});

test('calls that move bytes are of the category of their descriptor, and count for it', () => {
  const world = shellWorld();
  const of = (name: string, fdType: number, ret = 10) =>
    world.call(name, 300, { args: [3, 0, 10], ret, fdType, fdSockType: 1, fdPath: '/x' });
  for (const [name, type, category] of [
    ['read', T.FILE, 'file'],
    ['write', T.IPV6, 'net'],
    ['sendto', T.UNIX, 'ipc'],
    ['readv', T.PIPE, 'ipc'],
    ['close', T.EVENTPOLL, 'unknown'],
    ['dup', T.UNKNOWN, 'unknown'],
    ['connect', T.UNIX, 'net'],
    ['nanosleep', T.UNKNOWN, 'sleep'],
    ['futex', T.UNKNOWN, 'IPC'],
  ] as const)
    check(of(name, type), { 'evt.category': category });
  check(of('write', T.FILE), {
    'evt.buflen': 10,
    'evt.buflen.in': undefined,
    'evt.buflen.out': 10,
    'evt.buflen.file.out': 10,
    'evt.buflen.net': undefined,
    'evt.count.error': 0,
  });
  check(of('sendto', T.UNIX, -32), {
    'evt.buflen': undefined,
    'evt.count.error': 1,
    'evt.count.error.net': 1,
    'evt.count.error.other': 0,
  });
  check(of('connect', T.UNKNOWN, -111), { 'evt.count.error.net': 1, 'evt.count.error.file': 0 });
  check(world.call('openat', 300, { args: [-100], ret: -2, path0: '/x' }), { 'evt.count.error.file': 1 });
  check(world.call('mprotect', 300, { ret: -12 }), { 'evt.count.error.memory': 1 });
  check(world.call('kill', 300, { ret: -1 }), { 'evt.count.error.other': 1, 'thread.nametid': 'cat300' });
});

test('the name of a call stands for the event that it raises', () => {
  const event = shellWorld().call('pread64', 300, { args: [3, 0, 10, 0], ret: 10 });
  for (const [condition, expected] of [
    ['evt.type = pread64', true],
    ['evt.type in (read, pread64)', true],
    ['evt.type != pread64', false],
    ['evt.type = send', false],
  ] as const) {
    const compiled = compileCondition(condition, LANGUAGE);
    assert.ok(compiled.ok, condition);
    assert.equal(compiled.test(event), expected, condition);
  }
});

test('suggested fields come in the order in which they are appended', async () => {
  const { FIELDS } = await import('./index.ts');
  assert.deepEqual(
    FIELDS.filter((f) => f.suggested).map((f) => f.name),
    [
      'container.id',
      'container.name',
      'container.image.repository',
      'container.image.tag',
      'k8s.pod.name',
      'k8s.ns.name',
    ],
  );
});

test('no getter throws or makes up a value on an event of which little is known', async () => {
  const { FIELDS } = await import('./index.ts');
  const world = new World();
  const bare = world.apply({ kind: 'call', nr: 257, pid: 4242, tid: 4242, start: 5, comm: 'who', ret: 3 })!;
  for (const spec of FIELDS) {
    const arg =
      spec.argRequired === true || spec.suffix !== undefined ? (spec.arg === 'index' ? 0 : 'x') : undefined;
    spec.get(bare, arg);
    spec.print?.(bare, arg);
  }
  check(bare, {
    'proc.name': 'who',
    'proc.exepath': undefined,
    'proc.cmdline': 'who',
    'proc.args': undefined,
    'proc.cwd': undefined,
    'proc.tty': undefined,
    'container.id': undefined,
    'fd.name': undefined,
  });
});

test('a name that is often taken for a field leads to fields that exist', () => {
  for (const [name, fields] of Object.entries(MEANT)) {
    assert.equal(TABLE.has(name), false, name);
    assert.deepEqual(TABLE.suggest(name), fields, name);
    const refused = compileCondition(`${name} = x`, LANGUAGE);
    assert.equal(refused.diagnostics[0]?.help, `did you mean ${fields.join(', ')}?`);
  }
});

test('a network compared with an address leads to the fields for networks', () => {
  const conditions = ['fd.sip = 10.0.0.0/8', 'fd.rip in ("fe80::/10")', 'fd.cip startswith 10.'];
  for (const condition of conditions) {
    assert.match(
      compileCondition(condition, LANGUAGE).diagnostics[0]?.help ?? '',
      /fd\.snet = 10\.0\.0\.0\/8/,
    );
  }
  assert.equal(compileCondition('fd.sip = localhost', LANGUAGE).diagnostics[0]?.help, undefined);
});
