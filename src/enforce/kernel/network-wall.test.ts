import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { bootNow } from '../../engine/enrich/clock.ts';
import type { BpfLink, BpfObject } from '../../sensors/bpf/bpf.ts';
import { cgroup2Mount } from '../../sensors/bpf/probe.ts';
import { loadObject } from '../../sensors/loader.ts';
import { DenyKernel } from '../deny/deny-kernel.ts';
import { DenyList } from '../deny/deny-list.ts';
import { DenyStore } from '../deny/deny-store.ts';
import { attachWall, cgroupId, EGRESS_PROGRAM, LIST_PROGRAMS } from './network-wall.ts';
import { WallObject } from './wall-object.ts';

const root = cgroup2Mount();
const skip = process.getuid?.() !== 0 ? 'needs root' : root === undefined ? 'needs cgroup2' : false;
const cgroup = `${root}/rf-wall-${process.pid}`;
const state = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-wall-'));
let object: BpfObject;
let wall: WallObject | undefined;
let links = new Map<string, BpfLink>();
let list: DenyList;
let server: net.Server;
let port = 0;

before(async () => {
  if (skip !== false) return;
  fs.mkdirSync(`${cgroup}/inner`, { recursive: true });
  object = loadObject({
    programs: new Set([EGRESS_PROGRAM]),
    ringBytes: 4096,
    priorityRingBytes: 4096,
  });
  // As an engine does that starts without anything to refuse.
  wall = new WallObject(object, LIST_PROGRAMS);
  const prepared = wall.prepare();
  assert.notEqual(wall.loading, undefined);
  await prepared;
  assert.equal(wall.loading, undefined);
  links = wall.attach(cgroup, LIST_PROGRAMS);
  list = newList();
  server = net.createServer((socket) => socket.destroy()).listen(0, '0.0.0.0');
  await new Promise((resolve) => server.once('listening', resolve));
  port = (server.address() as net.AddressInfo).port;
});
/** As an engine has it that starts over what is stored. */
function newList(): DenyList {
  return new DenyList({
    sink: new DenyKernel(object, { bootNs: bootNow, nowMs: Date.now }, cgroupId),
    store: new DenyStore(state),
    now: Date.now,
    monitor: false,
  });
}

after(() => {
  for (const link of links.values()) link.destroy();
  object?.close();
  server?.close();
  fs.rmSync(state, { recursive: true });
  if (skip === false) {
    fs.rmdirSync(`${cgroup}/inner`);
    fs.rmdirSync(cgroup);
  }
});

/** Runs Python in the cgroup; the errno's name of what it does, or `ok`. */
function act(code: string, where = cgroup): string {
  const python = `import socket,errno\ntry:\n ${code}\n print('ok')\nexcept OSError as e: print(errno.errorcode.get(e.errno, e.errno or e.args[0]))`;
  const script = `echo $$ > "$1/cgroup.procs" && exec python3 -c "$2"`;
  const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', where, python], { encoding: 'utf8' });
  return stdout.trim() || stderr;
}
const tcp = (address: string, p = port) => act(`socket.create_connection(('${address}',${p}),2)`);
const udp = (address: string) =>
  act(`socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('${address}',9))`);
const clear = () => {
  for (const e of list.list()) list.remove(e.id);
};

test('a connect to a listed address is refused, one to an unlisted address goes through', { skip }, () => {
  const { id } = list.add({ target: '127.0.1.0/24' });
  assert.equal(tcp('127.0.1.77'), 'EPERM');
  assert.equal(tcp('127.0.2.1'), 'ok');
  assert.equal(list.entry(id)?.hits, 1);
  list.remove(id);
  assert.equal(tcp('127.0.1.77'), 'ok');
});

test('no way around by another call, another family or another spelling', { skip }, () => {
  list.add({ target: '127.0.1.0/24' });
  assert.equal(udp('127.0.1.1'), 'EPERM');
  assert.equal(act(`socket.socket(socket.AF_INET,socket.SOCK_DGRAM).connect(('127.0.1.1',9))`), 'EPERM');
  assert.equal(
    act(`socket.socket(socket.AF_INET6,socket.SOCK_STREAM).connect(('::ffff:127.0.1.1',${port}))`),
    'EPERM',
  );
  assert.equal(
    act(`socket.socket(socket.AF_INET6,socket.SOCK_DGRAM).sendto(b'x',('::ffff:127.0.1.1',9))`),
    'EPERM',
  );
  const fastOpen = `socket.socket().sendto(b'x',socket.MSG_FASTOPEN,('127.0.1.1',${port}))`;
  assert.equal(act(fastOpen), 'EPERM');
  clear();
});

test('no address at all is this host', { skip }, () => {
  const v6 = `s=socket.socket(socket.AF_INET6,socket.SOCK_STREAM)`;
  const entries = { v4: '127.0.0.1', v6: '::1', own: '127.0.9.1' };
  const ways: readonly (readonly [keyof typeof entries, string])[] = [
    ['v4', `socket.socket().connect(('0.0.0.0',${port}))`],
    ['v4', `socket.socket(socket.AF_INET,socket.SOCK_DGRAM).connect(('0.0.0.0',9))`],
    ['v4', `socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('0.0.0.0',9))`],
    ['v4', `${v6}; s.connect(('::ffff:0.0.0.0',${port}))`],
    ['v4', `${v6}; s.bind(('::ffff:127.0.0.1',0)); s.connect(('::',${port}))`],
    ['v6', `socket.socket(socket.AF_INET6,socket.SOCK_DGRAM).connect(('::',9))`],
    ['v6', `socket.socket(socket.AF_INET6,socket.SOCK_DGRAM).sendto(b'x',('::',9))`],
    ['own', `s=socket.socket(); s.bind(('127.0.9.1',0)); s.connect(('0.0.0.0',${port}))`],
  ];
  for (const [name, code] of ways) {
    list.add({ target: entries[name] });
    assert.equal(act(code), 'EPERM', code);
    clear();
    list.add({ target: '127.0.9.2' });
    assert.equal(act(code), 'ok', code);
    clear();
  }
});

test('port and protocol narrow an entry', { skip }, () => {
  list.add({ target: '127.0.1.1', port, protocol: 'tcp' });
  assert.equal(tcp('127.0.1.1'), 'EPERM');
  assert.equal(udp('127.0.1.1'), 'ok');
  assert.equal(tcp('127.0.1.1', 1), 'ECONNREFUSED');
  clear();
});

test('IPv6 networks hold', { skip }, () => {
  list.add({ target: '::1/127' });
  assert.equal(act(`socket.socket(socket.AF_INET6,socket.SOCK_DGRAM).sendto(b'x',('::1',9))`), 'EPERM');
  clear();
});

test('an entry expires in the kernel, and an expired one does not hide a wider one', { skip }, async () => {
  list.add({ target: '127.0.1.1', ttl: 2500 });
  assert.equal(tcp('127.0.1.1'), 'EPERM');
  await new Promise((resolve) => setTimeout(resolve, 2600));
  assert.equal(tcp('127.0.1.1'), 'ok');
  list.add({ target: '127.0.1.0/24' });
  assert.equal(tcp('127.0.1.1'), 'EPERM');
  clear();
});

test('a scope holds for its cgroup and what is below it, or for its user', { skip }, () => {
  list.add({ target: '127.0.1.1', scope: `cgroup=${cgroup}/inner` });
  const inner = `${cgroup}/inner`;
  const connect = `socket.socket().connect(('127.0.1.1',${port}))`;
  assert.equal(act(connect, inner), 'EPERM');
  assert.equal(tcp('127.0.1.1'), 'ok');
  clear();
  list.add({ target: '127.0.1.1', scope: 'user=65534' });
  assert.equal(act(`__import__('os').setuid(65534); ${connect}`), 'EPERM');
  assert.equal(tcp('127.0.1.1'), 'ok');
  clear();
});

test('a scope follows its cgroup, whether it is there or not', { skip }, () => {
  const late = `${cgroup}/late`;
  const connect = `socket.socket().connect(('127.0.1.1',${port}))`;
  fs.mkdirSync(late);
  const { id } = list.add({ target: '127.0.1.1', scope: `cgroup=${late}/` });
  assert.equal(act(connect, late), 'EPERM');
  fs.rmdirSync(late);
  list.refresh();
  assert.equal(list.entry(id)?.hits, 1);
  list = newList();
  fs.mkdirSync(late);
  assert.equal(act(connect, late), 'ok');
  list.refresh();
  assert.equal(act(connect, late), 'EPERM');
  fs.rmdirSync(late);
  list.remove(id);
  assert.deepEqual(list.list(), []);
});

test('a scope may be the whole hierarchy', { skip }, () => {
  list.add({ target: '127.0.1.1', scope: `cgroup=${root}` });
  assert.equal(tcp('127.0.1.1'), 'EPERM');
  clear();
});

test('scopes that no entry uses any more take no room', { skip }, () => {
  for (let uid = 0; uid < 1100; uid++)
    list.remove(list.add({ target: '127.0.1.1', scope: `user=${uid}` }).id);
});

test('refusals hold when nobody reads them and the ring is full', { skip }, () => {
  list.add({ target: '127.0.1.1' });
  const many = `n=0\n for i in range(200):\n  try: socket.socket().connect(('127.0.1.1',9))\n  except PermissionError: n+=1\n raise OSError(n)`;
  assert.equal(act(many), '200');
  clear();
});

test('in monitor mode everything goes through and is counted', { skip }, () => {
  const { id } = list.add({ target: '127.0.1.1' });
  list.setMonitor(true);
  assert.equal(tcp('127.0.1.1'), 'ok');
  assert.equal(list.entry(id)?.hits, 1);
  list.setMonitor(false);
  assert.equal(tcp('127.0.1.1'), 'EPERM');
  clear();
});

test('where packets are looked at, older connections and raw packets are cut, others are not', {
  skip,
}, () => {
  const cut = attachWall(object, cgroup, [EGRESS_PROGRAM]);
  const late = `s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.connect(('127.0.7.7',9)); input(); s.send(b'x')`;
  const python = `import socket,errno\ntry:\n ${late}\n print('ok')\nexcept OSError as e: print(errno.errorcode[e.errno])`;
  const script = `echo $$ > "$1/cgroup.procs"; (sleep 1; touch "$3"; while [ -e "$3" ]; do sleep 0.05; done; echo) | python3 -c "$2"`;
  const flag = path.join(state, 'flag');
  const child = spawn('sh', ['-c', script, 'sh', cgroup, python, flag]);
  return new Promise<void>((resolve) => {
    let out = '';
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk;
    });
    const wait = setInterval(() => {
      if (!fs.existsSync(flag)) return;
      clearInterval(wait);
      list.add({ target: '127.0.7.7' });
      fs.rmSync(flag);
    }, 20);
    child.on('close', () => {
      assert.equal(out.trim(), 'EPERM');
      assert.equal(
        act(`socket.socket(socket.AF_INET,socket.SOCK_RAW,1).sendto(b'x'*8,('127.0.7.7',0))`),
        'EPERM',
      );
      assert.equal(udp('127.0.7.8'), 'ok');
      for (const link of cut.values()) link.destroy();
      clear();
      resolve();
    });
  });
});

test('a feed of a hundred thousand addresses is put into the kernel, and holds', { skip }, () => {
  const feed = Array.from({ length: 100_000 }, (_, i) => `10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`).join(
    '\n',
  );
  list.import(feed, { source: 'feed' });
  assert.equal(act(`socket.socket(socket.AF_INET,socket.SOCK_DGRAM).sendto(b'x',('10.1.0.5',9))`), 'EPERM');
  assert.equal(tcp('127.0.2.1'), 'ok');
});
