import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import dgram from 'node:dgram';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { probe } from './bpf/probe.ts';
import { CAPTURE_RET } from './calls/capture.ts';
import { CLONE_THREAD } from './events/flags.ts';
import { syscallNumber } from './events/syscalls.ts';
import { type CallSpec, LiveRecorder } from './live-recorder.ts';
import { RF_CAPTURE_FLAG, RF_EXE_FLAG, RF_FD_TYPE, RF_FLAG } from './record/layout.gen.ts';

const run = promisify(execFile);
const nr = (name: string): number => syscallNumber(name)!;
const skip =
  process.getuid?.() !== 0
    ? 'needs root to load BPF programs'
    : fs.existsSync('/sys/kernel/btf/vmlinux')
      ? false
      : 'needs a kernel with BTF';

const ROWS = {
  open: { path: [0], fd: CAPTURE_RET },
  creat: { path: [0], fd: CAPTURE_RET },
  openat: { path: [1], dirfd: [0], fd: CAPTURE_RET },
  openat2: { path: [1], dirfd: [0], fd: CAPTURE_RET, data: 2, dataMax: 24 },
  connect: { fd: 0, addr: 1, addrLen: 2 },
  accept4: { fd: CAPTURE_RET, addr: 1, addrLen: 2 },
  sendto: { fd: 0, addr: 4, addrLen: 5, data: 1, dataLen: 2, dataMax: 64 },
  sendmsg: {
    fd: 0,
    data: 1,
    dataMax: 64,
    flags: RF_CAPTURE_FLAG.OK | RF_CAPTURE_FLAG.FAILED | RF_CAPTURE_FLAG.MSGHDR,
  },
  read: { fd: 0, data: 1, dataLen: CAPTURE_RET, dataMax: 32 },
  close: { fd: 0, flags: RF_CAPTURE_FLAG.OK | RF_CAPTURE_FLAG.FAILED | RF_CAPTURE_FLAG.ENTER },
  unlink: { path: [0] },
  rename: { path: [0, 1] },
  symlinkat: { path: [0, 2], dirfd: [-1, 1] },
  execve: { path: [0], data: 1, flags: RF_CAPTURE_FLAG.FAILED | RF_CAPTURE_FLAG.ARGV },
};

const functions = skip || probe('fentry').why;
const TIERS = { tracepoint: skip, tp_btf: skip, function: functions ?? false } as const;

for (const calls of ['tracepoint', 'tp_btf', 'function'] as const) {
  describe(`records from the kernel, calls by ${calls}`, { skip: TIERS[calls] }, () => {
    let live: LiveRecorder;
    let dir: string;
    const home = process.cwd();

    before(() => {
      dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'rf-sensor-')));
      live = new LiveRecorder(ROWS, { calls });
      assert.equal(live.sensor.calls, calls);
    });
    after(() => {
      // Closed first: an open sensor keeps the process alive.
      const { undecodable } = live.sensor.stats();
      live.close();
      process.chdir(home);
      fs.rmSync(dir, { recursive: true, force: true });
      assert.deepEqual(live.errors, []);
      assert.equal(undecodable, 0);
    });

    const mine = (rec: CallSpec): boolean => rec.pid === process.pid;
    const opened = async (raw: string): Promise<CallSpec> => {
      const bytes = Buffer.from(raw, 'utf8').toString('latin1');
      const [rec] = await live.find('call', (r) => mine(r) && r.path0 === bytes && r.nr === nr('openat'));
      assert.ok(rec, `no record of opening ${raw}`);
      return rec;
    };

    it('an open carries the raw and the resolved path, the result and the file', async () => {
      const file = path.join(dir, 'plain');
      const fd = fs.openSync(file, 'w', 0o640);
      const stat = fs.fstatSync(fd);
      const rec = await opened(file);
      fs.closeSync(fd);
      assert.equal(rec.ret, fd);
      assert.equal(rec.fdType, RF_FD_TYPE.FILE);
      assert.equal(rec.fdPath, file);
      assert.equal(rec.base0, undefined);
      assert.equal(rec.fdIno, stat.ino);
      assert.equal(rec.fdMode, stat.mode);
      assert.equal(rec.tid, process.pid);
      assert.equal(rec.ppid, process.ppid);
      assert.equal(rec.comm, fs.readFileSync('/proc/self/comm', 'latin1').trim());
      assert.equal(rec.uid ?? 0, process.geteuid?.());
      assert.equal(Number(rec.args?.[2]) & 0o3, 1);
    });

    it('a relative path carries the folder that it is relative to', async () => {
      fs.mkdirSync(path.join(dir, 'a/b'), { recursive: true });
      fs.writeFileSync(path.join(dir, 'a/file'), 'x');
      process.chdir(path.join(dir, 'a/b'));
      fs.readFileSync('../file');
      process.chdir(home);
      const rec = await opened('../file');
      assert.equal(rec.base0, path.join(dir, 'a/b'));
      assert.equal(rec.fdPath, path.join(dir, 'a/file'));
    });

    it('a symlink is resolved, and the raw path kept', async () => {
      fs.writeFileSync(path.join(dir, 'target'), 'x');
      fs.symlinkSync('target', path.join(dir, 'link'));
      fs.readFileSync(path.join(dir, 'link'));
      const rec = await opened(path.join(dir, 'link'));
      assert.equal(rec.fdPath, path.join(dir, 'target'));
    });

    it('a failed open carries its errno and no file', async () => {
      assert.throws(() => fs.readFileSync(path.join(dir, 'nothing')));
      const rec = await opened(path.join(dir, 'nothing'));
      assert.equal(rec.ret, -os.constants.errno.ENOENT);
      assert.equal(rec.fdType, undefined);
      assert.equal(rec.fdPath, undefined);
    });

    it('a refused open says EACCES', async () => {
      const file = path.join(dir, 'secret');
      fs.writeFileSync(file, 'x', { mode: 0 });
      fs.chmodSync(dir, 0o755);
      spawnSync('cat', [file], { uid: 65534, gid: 65534 });
      const [rec] = await live.find('call', (r) => r.path0 === file && r.uid === 65534);
      assert.equal(rec?.ret, -os.constants.errno.EACCES);
      assert.equal(rec?.capEffective, undefined);
    });

    it('names may be any bytes', async () => {
      const name = Buffer.concat([Buffer.from(`${dir}/`), Buffer.from([0xff, 0xfe, 0x0a, 0xe2, 0x82])]);
      fs.writeFileSync(name, 'x');
      const text = name.toString('latin1');
      const [rec] = await live.find('call', (r) => mine(r) && r.path0 === text);
      assert.equal(rec?.fdPath, text);
    });

    it('a deep path of nearly 4096 bytes comes whole', async () => {
      let deep = dir;
      while (deep.length < 3800) deep = path.join(deep, 'd'.repeat(200));
      fs.mkdirSync(deep, { recursive: true });
      fs.writeFileSync(path.join(deep, 'f'), '');
      const rec = await opened(path.join(deep, 'f'));
      assert.equal(rec.fdPath, path.join(deep, 'f'));
      assert.equal(rec.flags, undefined);
    });

    it('a descriptor keeps showing the file after it was renamed and deleted', async () => {
      const file = path.join(dir, 'before');
      fs.writeFileSync(file, 'content');
      const fd = fs.openSync(file, 'r');
      fs.renameSync(file, path.join(dir, 'later'));
      fs.readSync(fd, Buffer.alloc(7));
      const [read] = await live.find(
        'call',
        (r) => mine(r) && (r.nr ?? 0) === nr('read') && r.data === 'content',
      );
      assert.equal(read?.fdPath, path.join(dir, 'later'));
      const [rename] = await live.find('call', (r) => mine(r) && r.nr === nr('rename') && r.path0 === file);
      assert.equal(rename?.path1, path.join(dir, 'later'));
      fs.unlinkSync(path.join(dir, 'later'));
      fs.closeSync(fd);
      const [close] = await live.find(
        'call',
        (r) => mine(r) && r.nr === nr('close') && r.fdPath === path.join(dir, 'later'),
      );
      assert.equal(close?.flags, RF_FLAG.NO_RESULT);
      assert.equal(Number(close?.args?.[0]), fd);
    });

    it('an exec carries arguments, environment, executable, folder and sessions', async () => {
      await run('/bin/sh', ['-c', 'true', 'marker-exec'], { cwd: dir, env: { RF_MARK: 'yes' } });
      const [rec] = await live.find('exec', (r) => r.args?.includes('marker-exec') === true);
      assert.equal(rec?.args, 'sh\0-c\0true\0marker-exec\0'.replace(/^sh/, '/bin/sh'));
      assert.equal(rec?.argc, 4);
      assert.match(rec?.env ?? '', /(^|\0)RF_MARK=yes\0/);
      assert.equal(rec?.exe, fs.realpathSync('/bin/sh'));
      assert.equal(rec?.filename, '/bin/sh');
      assert.equal(rec?.cwd, dir);
      assert.equal(rec?.ppid, process.pid);
      assert.equal(rec?.exeIno, fs.statSync('/bin/sh').ino);
      assert.equal(rec?.exeMtime, fs.statSync('/bin/sh', { bigint: true }).mtimeNs);
      assert.equal(rec?.exeCtime, fs.statSync('/bin/sh', { bigint: true }).ctimeNs);
      const fields = fs.readFileSync('/proc/self/stat', 'latin1').split(') ')[1]!.split(' ');
      assert.equal(rec?.pgid, Number(fields[2]));
      // Its leader may be outside of this PID namespace: then it has no number here.
      assert.equal(rec?.sid ?? 0, Number(fields[3]));
      assert.match(rec?.cgroupPath ?? '', /^\//);
    });

    it('arguments beyond 4096 bytes are cut, and it is said', async () => {
      await run('/bin/true', ['marker-long', 'x'.repeat(5000)]);
      const [rec] = await live.find('exec', (r) => r.args?.includes('marker-long') === true);
      assert.equal(rec?.args?.length, 4096);
      assert.equal(rec?.argsCut, true);
      assert.equal(rec?.argsTotal, '/bin/true\0marker-long\0'.length + 5001);
      const exact = 4096 - '/bin/true\0marker-fits\0\0'.length;
      await run('/bin/true', ['marker-fits', 'y'.repeat(exact)]);
      const [fits] = await live.find('exec', (r) => r.args?.includes('marker-fits') === true);
      assert.equal(fits?.args?.length, 4096);
      assert.equal(fits?.argsCut, undefined);
    });

    it('a script shows its interpreter', async () => {
      const script = path.join(dir, 'script');
      fs.writeFileSync(script, '#!/bin/sh -e\nexit 0\n', { mode: 0o755 });
      await run(script);
      const [rec] = await live.find('exec', (r) => r.filename === script);
      assert.equal(rec?.exe, fs.realpathSync('/bin/sh'));
      assert.equal(rec?.interp, '/bin/sh');
      assert.equal(rec?.args, `/bin/sh\0-e\0${script}\0`);
    });

    it('a deleted executable is marked', async () => {
      const copy = path.join(dir, 'copy-of-true');
      fs.copyFileSync('/bin/sleep', copy);
      const child = run(copy, ['0.1']);
      const [rec] = await live.find('exec', (r) => r.exe === copy);
      assert.ok(((rec?.exeFlags ?? 0) & RF_EXE_FLAG.WRITABLE) !== 0);
      await child;
      const fd = fs.openSync(copy, 'r');
      fs.unlinkSync(copy);
      await run(`/proc/self/fd/${fd}`, ['0'], { env: {} }).catch(() => undefined);
      fs.closeSync(fd);
      spawnSync('/bin/sh', [
        '-c',
        `cp /bin/sleep ${copy}; exec 3<${copy}; rm ${copy}; exec /proc/self/fd/3 0`,
      ]);
      const [gone] = await live.find('exec', (r) => ((r.exeFlags ?? 0) & RF_EXE_FLAG.UNLINKED) !== 0);
      assert.equal(gone?.exe, copy);
    });

    it('a failed exec carries what was attempted', async () => {
      await assert.rejects(run(path.join(dir, 'no-such-program'), ['a', 'b c']));
      const [rec] = await live.find(
        'call',
        (r) => r.nr === nr('execve') && r.path0 === path.join(dir, 'no-such-program'),
      );
      assert.equal(rec?.ret, -os.constants.errno.ENOENT);
      assert.equal(rec?.data, `${path.join(dir, 'no-such-program')}\0a\0b c\0`);
    });

    it('fork, exec and exit of a short-lived process come in order', async () => {
      const child = spawnSync('/bin/sh', ['-c', 'exit 7']);
      assert.equal(child.status, 7);
      const [exit] = await live.find('exit', (r) => r.pid === child.pid && r.leader === 1);
      assert.equal(exit?.code, 7 << 8);
      assert.ok((exit?.reaper ?? 0) >= 1);
      const [exec] = await live.find('exec', (r) => r.pid === child.pid);
      const [fork] = await live.find('fork', (r) => r.childPid === child.pid);
      assert.equal(fork?.pid, process.pid);
      assert.equal(fork?.childStart, exec?.start);
      assert.equal(exit?.start, exec?.start);
      const order = [fork, exec, exit].map((rec) => live.records.indexOf(rec!));
      assert.deepEqual(
        order,
        [...order].sort((a, b) => a - b),
      );
    });

    it('a killed process shows its signal', async () => {
      const child = spawnSync('/bin/sh', ['-c', 'kill -9 $$']);
      const [exit] = await live.find('exit', (r) => r.pid === child.pid);
      assert.equal((exit?.code ?? 0) & 0x7f, 9);
    });

    it('a thread is a fork with the same process, and calls name the thread', async () => {
      const file = path.join(dir, 'by-thread');
      const worker = new Worker(`require('fs').writeFileSync(${JSON.stringify(file)}, '')`, { eval: true });
      await new Promise((done) => worker.once('exit', done));
      const [rec] = await live.find('call', (r) => r.path0 === file);
      assert.equal(rec?.pid, process.pid);
      assert.notEqual(rec?.tid, process.pid);
      const [fork] = await live.find('fork', (r) => r.childTid === rec?.tid);
      assert.equal(fork?.childPid, process.pid);
      assert.ok(((fork?.cloneFlags ?? 0) & CLONE_THREAD) !== 0);
      const [exit] = await live.find('exit', (r) => r.tid === rec?.tid);
      assert.equal(exit?.leader, undefined);
    });

    it('a TCP connection shows both ends on either side', async () => {
      const server = net.createServer((socket) => socket.end()).listen(0, '127.0.0.1');
      await new Promise((done) => server.once('listening', done));
      const { port } = server.address() as net.AddressInfo;
      const client = net.connect(port, '127.0.0.1');
      await new Promise((done) => client.once('close', done));
      server.close();
      const [rec] = await live.find('call', (r) => mine(r) && r.nr === nr('connect') && r.fdRport === port);
      assert.equal(rec?.ret, -os.constants.errno.EINPROGRESS);
      assert.equal(rec?.fdType, RF_FD_TYPE.IPV4);
      assert.equal(rec?.fdRaddr, '\x7f\0\0\x01');
      assert.equal(rec?.fdProto, 6);
      assert.ok((rec?.fdLport ?? 0) > 0);
      const [accept] = await live.find(
        'call',
        (r) => mine(r) && r.nr === nr('accept4') && r.fdLport === port,
      );
      assert.equal(accept?.fdRport, rec?.fdLport);
    });

    it('a refused connection keeps its address', async () => {
      spawnSync('/bin/bash', ['-c', 'exec 3<>/dev/tcp/127.0.0.1/9']);
      const [rec] = await live.find(
        'call',
        (r) => r.nr === nr('connect') && r.ret === -os.constants.errno.ECONNREFUSED,
      );
      assert.equal(rec?.addr?.slice(0, 8), '\x02\0\0\x09\x7f\0\0\x01');
    });

    it('IPv6, and IPv4 through an IPv6 socket', async () => {
      const server = net.createServer((socket) => socket.end()).listen(0, '::');
      await new Promise((done) => server.once('listening', done));
      const { port } = server.address() as net.AddressInfo;
      for (const host of ['::1', '::ffff:127.0.0.1']) {
        const client = net.connect({ port, host });
        await new Promise((done) => client.once('close', done));
      }
      server.close();
      const found = await live.find(
        'call',
        (r) => mine(r) && r.nr === nr('connect') && r.fdRport === port,
        2,
      );
      assert.equal(found[0]?.fdType, RF_FD_TYPE.IPV6);
      assert.equal(found[0]?.fdRaddr, `${'\0'.repeat(15)}\x01`);
      assert.equal(found[1]?.fdType, RF_FD_TYPE.IPV4);
      assert.equal(found[1]?.fdFamily, 10);
      assert.equal(found[1]?.fdRaddr, '\x7f\0\0\x01');
    });

    it('unix sockets show their path and their partner', async () => {
      const where = path.join(dir, 'sock');
      const server = net.createServer((socket) => socket.end()).listen(where);
      await new Promise((done) => server.once('listening', done));
      const client = net.connect(where);
      await new Promise((done) => client.once('close', done));
      server.close();
      const [rec] = await live.find('call', (r) => mine(r) && r.nr === nr('connect') && r.fdPath === where);
      assert.equal(rec?.fdType, RF_FD_TYPE.UNIX);
      assert.ok((rec?.fdSock ?? 0n) !== 0n && (rec?.fdPeer ?? 0n) !== 0n);
      const [accept] = await live.find(
        'call',
        (r) => mine(r) && r.nr === nr('accept4') && r.fdSock === rec?.fdPeer,
      );
      assert.equal(accept?.fdPeer, rec?.fdSock);
    });

    it('abstract unix sockets begin with @', async () => {
      const name = `rf-abstract-${process.pid}-${calls}`;
      const child = spawnSync('perl', [
        '-MSocket',
        '-e',
        `my $a = pack_sockaddr_un("\\0${name}");
        socket(S, AF_UNIX, SOCK_STREAM, 0); bind(S, $a) or die; listen(S, 1);
        socket(C, AF_UNIX, SOCK_STREAM, 0); connect(C, $a) or die;`,
      ]);
      assert.equal(child.status, 0, String(child.stderr));
      const [rec] = await live.find('call', (r) => r.fdPath === `@${name}`);
      assert.equal(rec?.fdType, RF_FD_TYPE.UNIX);
    });

    it('UDP shows the address of a connected and of a sent-to socket', async () => {
      const server = dgram.createSocket('udp4').bind(0, '127.0.0.1');
      await new Promise((done) => server.once('listening', done));
      const { port } = server.address();
      const client = dgram.createSocket('udp4');
      await new Promise((done) => client.send('hello udp', port, '127.0.0.1', done));
      await new Promise<void>((done) => client.connect(port, '127.0.0.1', done));
      client.close();
      server.close();
      const [sent] = await live.find('call', (r) => mine(r) && r.data === 'hello udp');
      assert.equal(sent?.fdProto, 17);
      const portBytes = String.fromCharCode(port >> 8, port & 255);
      assert.equal(sent?.addr?.slice(2, 8), `${portBytes}\x7f\0\0\x01`);
      const [connected] = await live.find(
        'call',
        (r) => mine(r) && r.nr === nr('connect') && r.fdProto === 17 && r.fdRport === port,
      );
      assert.equal(connected?.ret, undefined);
    });

    it('nothing was lost, and the kernel counted what we got', async () => {
      const stats = live.sensor.stats();
      assert.equal(stats.lostRing + stats.lostPriority + stats.lostSlot, 0);
      assert.deepEqual(live.losses, []);
      assert.ok(stats.received > 0 && stats.received <= stats.emitted);
    });
  });
}
