import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, describe, it } from 'node:test';
import { cgroup2Mount } from './bpf/probe.ts';
import { CAPTURE_RET } from './calls/capture.ts';
import { type ExecSpec, LiveRecorder } from './live-recorder.ts';
import { RF_EXE_FLAG, RF_FD_TYPE } from './record/layout.gen.ts';

const skip = process.getuid?.() !== 0 ? 'needs root to load BPF programs' : false;
const MEMFD_CREATE = process.arch === 'arm64' ? 279 : 319;

describe('what an exec record says of its executable and its process', { skip }, () => {
  let live: LiveRecorder;
  let dir: string;

  before(() => {
    dir = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), 'rf-exec-')));
    fs.chmodSync(dir, 0o755);
    live = new LiveRecorder({
      openat: { path: [1], dirfd: [0], fd: CAPTURE_RET },
      memfd_create: { path: [0], fd: CAPTURE_RET },
    });
  });
  after(() => {
    live.close();
    fs.rmSync(dir, { recursive: true, force: true });
  });

  const flagsOf = (rec: ExecSpec | undefined): string[] =>
    Object.entries(RF_EXE_FLAG)
      .filter(([, bit]) => ((rec?.exeFlags ?? 0) & bit) !== 0)
      .map(([name]) => name);
  const marked = async (marker: string): Promise<ExecSpec | undefined> =>
    (await live.find('exec', (rec) => rec.args?.includes(marker) === true)).at(-1);

  it('a program in memory only is told apart', async () => {
    const script = `my $name = "in-memory"; my $fd = syscall(${MEMFD_CREATE}, $name, 0);
      open(my $in, "<", "/bin/true"); local $/; my $bytes = <$in>;
      open(my $out, ">", "/proc/self/fd/$fd"); print $out $bytes; close($out);
      exec {"/proc/self/fd/$fd"} "marker-memfd";`;
    const child = spawnSync('perl', ['-e', script]);
    assert.equal(child.status, 0, String(child.stderr));
    const rec = await live.find('exec', (r) => r.args === 'marker-memfd\0');
    assert.equal(rec[0]?.exe, 'memfd:in-memory');
    assert.ok(flagsOf(rec[0]).includes('FROM_MEMFD'));
    const [created] = await live.find('call', (r) => r.path0 === 'in-memory');
    assert.equal(created?.fdType, RF_FD_TYPE.MEMFD);
    assert.equal(created?.fdPath, 'memfd:in-memory');
  });

  it('a file that its user may write is marked, another is not', async () => {
    const own = path.join(dir, 'own');
    fs.copyFileSync('/bin/true', own);
    fs.chownSync(own, 65534, 65534);
    const nobody = { uid: 65534, gid: 65534 };
    fs.chmodSync(own, 0o755);
    spawnSync(own, ['marker-own'], nobody);
    spawnSync('/bin/true', ['marker-other'], nobody);
    assert.deepEqual(flagsOf(await marked('marker-own')), ['WRITABLE']);
    const other = await marked('marker-other');
    assert.deepEqual(flagsOf(other), []);
    assert.equal(other?.uid, 65534);
    assert.equal(other?.gid, 65534);
    assert.equal(other?.capEffective, undefined);
  });

  it('a set-uid program is marked, and has its new user', async () => {
    const program = path.join(dir, 'setuid-true');
    fs.copyFileSync('/bin/true', program);
    fs.chmodSync(program, 0o4755);
    spawnSync(program, ['marker-setuid'], { uid: 65534, gid: 65534 });
    const rec = await marked('marker-setuid');
    assert.ok(flagsOf(rec).includes('SETID'));
    assert.equal(rec?.uid, undefined, 'root');
    assert.equal(rec?.gid, 65534);
  });

  it('the layer of an overlay is told: lower as it came, upper once changed', async (t) => {
    const script = `cd ${dir} && mkdir lower upper work merged && cp /bin/true lower/a && cp /bin/true lower/b
      mount -t overlay overlay -o lowerdir=lower,upperdir=upper,workdir=work merged || exit 9
      merged/a marker-lower; touch merged/b; merged/b marker-upper; cat merged/a > /dev/null; umount merged`;
    const child = spawnSync('unshare', ['-m', 'sh', '-c', script]);
    if (child.status === 9) return t.skip(`needs overlayfs: ${child.stderr}`);
    assert.equal(child.status, 0, String(child.stderr));
    assert.ok(flagsOf(await marked('marker-lower')).includes('LOWER_LAYER'));
    assert.ok(flagsOf(await marked('marker-upper')).includes('UPPER_LAYER'));
    const [read] = await live.find(
      'call',
      (r) => r.fdPath === path.join(dir, 'merged/a') && r.comm === 'cat',
    );
    assert.equal(read?.fdLayer, 2);
  });

  it('pids and start of a new pid namespace are those that are seen inside', async () => {
    spawnSync('unshare', ['--pid', '--fork', '/bin/true', 'marker-pidns']);
    const recs = await live.find('exec', (r) => r.args?.startsWith('/bin/true\0marker-pidns') === true);
    const inner = recs[0];
    assert.equal(inner?.vpid, 1);
    assert.equal(inner?.vtid, 1);
    assert.notEqual(inner?.pid, 1);
    assert.equal(inner?.pidnsStart, inner?.start);
    const outer = Number(/\[(\d+)\]/.exec(fs.readlinkSync('/proc/self/ns/pid'))?.[1]);
    assert.notEqual(inner?.pidns, outer);
    spawnSync('/bin/true', ['marker-outer']);
    const plain = await marked('marker-outer');
    assert.equal(plain?.pidns, outer);
    assert.equal(plain?.vpid, plain?.pid);
  });

  it('a chroot shows paths as the process sees them', async () => {
    const root = path.join(dir, 'root');
    fs.mkdirSync(path.join(root, 'bin'), { recursive: true });
    fs.copyFileSync('/bin/busybox', path.join(root, 'bin/busybox'));
    const child = spawnSync('chroot', [root, '/bin/busybox', 'true', 'marker-chroot']);
    assert.equal(child.status, 0, String(child.stderr));
    const recs = await live.find('exec', (r) => r.args?.startsWith('/bin/busybox\0true') === true);
    assert.equal(recs[0]?.exe, '/bin/busybox');
    assert.equal(recs[0]?.cwd, '/');
  });

  it('the cgroup is the one of the process', async (t) => {
    const mount = cgroup2Mount();
    if (mount === undefined) return t.skip('needs cgroup v2');
    const name = `rf-test-${process.pid}`;
    const group = path.join(mount, name);
    try {
      fs.mkdirSync(group);
    } catch (error) {
      return t.skip(`needs a writable cgroup v2: ${(error as Error).message}`);
    }
    try {
      spawnSync('sh', ['-c', `echo 0 > ${group}/cgroup.procs; /bin/true marker-cgroup`]);
      const rec = await marked('marker-cgroup\0');
      assert.equal(rec?.cgroup, fs.statSync(group).ino);
      assert.ok(rec?.cgroupPath?.endsWith(`/${name}`), rec?.cgroupPath);
    } finally {
      fs.rmdirSync(group);
    }
  });

  it('a thread that execs becomes the process', async (t) => {
    const script = `import os, threading
t = threading.Thread(target=lambda: os.execv("/bin/true", ["marker-thread-exec"])); t.start(); t.join()`;
    const child = spawnSync('python3', ['-c', script]);
    if (child.error !== undefined) return t.skip('needs python3');
    const rec = await live.find('exec', (r) => r.args === 'marker-thread-exec\0');
    assert.equal(rec[0]?.pid, child.pid);
    assert.equal(rec[0]?.tid, child.pid);
    const [fork] = await live.find('fork', (r) => r.childPid === child.pid && r.childTid === child.pid);
    assert.equal(rec[0]?.start, fork?.childStart);
  });
});
