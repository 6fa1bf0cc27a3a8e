import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readlinkSync, rmSync } from 'node:fs';
import { type AddressInfo, createConnection, createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type LiveFd, LiveProcess } from './live.ts';
import { findSocket } from './socket-tables.ts';

const HEADER =
  '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode';

/** A row as x86 and arm64 write it. */
const row = (local: string, remote: string, inode: number): string =>
  `${HEADER}\n   7: ${local} ${remote} 01 00000000:00000000 00:00000000 00000000     0        0 ${inode} 1 0 20 4 30 10 -1\n`;

test('a socket is found by its inode, with its ends and the family of its addresses', () => {
  const mapped = '0000000000000000FFFF00000100007F';
  const documented = 'B80D0120000000000000000001000000';
  const any6 = '0'.repeat(32);
  const cases: ['tcp' | 'udp' | 'tcp6' | 'udp6', local: string, remote: string, LiveFd][] = [
    ['tcp', '0100007F:8ED2', '0100007F:46A0', { type: 'ipv4', name: '127.0.0.1:36562->127.0.0.1:18080' }],
    ['tcp', '0100007F:46A0', '0100007F:8ED2', { type: 'ipv4', name: '127.0.0.1:36562->127.0.0.1:18080' }],
    ['tcp', '00000000:0016', '00000000:0000', { type: 'ipv4', name: '0.0.0.0:22' }],
    ['udp', '0500000A:0035', '0102000A:8ED2', { type: 'ipv4', name: '10.0.0.5:53->10.0.2.1:36562' }],
    ['tcp6', `${mapped}:8ED2`, `${mapped}:46A0`, { type: 'ipv4', name: '127.0.0.1:36562->127.0.0.1:18080' }],
    ['tcp6', `${any6}:1F90`, `${any6}:0000`, { type: 'ipv6', name: ':::8080' }],
    [
      'udp6',
      `${documented}:8ED2`,
      `${documented}:0035`,
      { type: 'ipv6', name: '2001:db8::1:36562->2001:db8::1:53' },
    ],
  ];
  for (const [table, local, remote, expected] of cases) {
    assert.deepEqual(findSocket(table, row(local, remote, 4711), '4711'), expected);
    assert.equal(findSocket(table, row(local, remote, 4711), '471'), undefined);
  }
});

test('a unix socket has its path, a netlink socket nothing but its type', () => {
  const unix = `Num       RefCount Protocol Flags    Type St Inode Path
0000000035e193cf: 00000003 00000000 00000000 0001 03 61455164
0000000095357d07: 00000002 00000000 00010000 0001 01 615 /run/a b.sock
0000000095357d08: 00000002 00000000 00010000 0001 01 616 @abstract
`;
  assert.deepEqual(findSocket('unix', unix, '615'), { type: 'unix', name: '/run/a b.sock' });
  assert.deepEqual(findSocket('unix', unix, '616'), { type: 'unix', name: '@abstract' });
  assert.deepEqual(findSocket('unix', unix, '61455164'), { type: 'unix', name: '' });
  assert.equal(findSocket('unix', unix, '61'), undefined);
  const netlink = '00000000b3f05431 0   0          00000000 0        0        0     2        0        4\n';
  assert.deepEqual(findSocket('netlink', netlink, '4'), { type: 'netlink', name: '' });
});

function socketsOfThisProcess(): LiveFd[] {
  const live = new LiveProcess(process.pid);
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:') ? (live.fd(Number(fd)) ?? []) : [];
    } catch {
      return []; // the folder's own descriptor
    }
  });
}

async function connected(
  server: Server,
  to: { host?: string; port?: number; path?: string },
): Promise<Socket[]> {
  const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve));
  const client = createConnection(to as { port: number });
  await new Promise<void>((resolve) => client.once('connect', resolve));
  return [client, await accepted];
}

test('sockets of a running process are described as its kernel tells', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-live-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const path = join(folder, 'a b.sock');
  const tcp = createServer();
  const unix = createServer();
  const open: { destroy?: () => void; close?: () => void }[] = [tcp, unix];
  t.after(() => {
    for (const one of open) (one.destroy ?? one.close)?.call(one);
  });
  await new Promise<void>((resolve) => tcp.listen(0, '127.0.0.1', resolve));
  await new Promise<void>((resolve) => unix.listen(path, resolve));
  const { port } = tcp.address() as AddressInfo;
  const [client, accepted] = await connected(tcp, { host: '127.0.0.1', port });
  open.push(client!, accepted!, ...(await connected(unix, { path })));

  const ends = [client!.localPort!, port].sort((a, b) => b - a).map((end) => `127.0.0.1:${end}`);
  const found = socketsOfThisProcess();
  const count = (type: string, name: string): number =>
    found.filter((fd) => fd.type === type && fd.name === name).length;
  assert.equal(count('ipv4', ends.join('->')), 2, JSON.stringify(found));
  assert.equal(count('ipv4', `127.0.0.1:${port}`), 1);
  assert.equal(count('unix', path), 2, 'the listening and the accepted one');
});
