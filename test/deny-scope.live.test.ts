import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { planTiers } from '../src/enforce/index.ts';
import { cgroup2Mount } from '../src/sensors/bpf/probe.ts';
import { Denial, denyRule, PYTHON } from './lib/denial.ts';

/** Denials that hold for some tasks only, by where they belong; and those of binding, on whatever tier there is. */
const root = cgroup2Mount();
const tiers = process.getuid?.() === 0 && root !== undefined ? planTiers() : undefined;
const skip =
  tiers === undefined
    ? 'needs root and cgroup2'
    : !fs.existsSync(PYTHON)
      ? `needs ${PYTHON}`
      : tiers.network === 'observe' || (tiers.network === 'cgroup' && !tiers.wall.includes('rf_bind4'))
        ? 'nothing here asks rules about the network'
        : false;

const ID = 'a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90';
const folder = `${root}/rf-deny-${process.pid}`;
const container = `${folder}/docker-${ID}.scope`;
const web = `${folder}/web`;
const state = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-scope-'));
const keeper = `${state}/keeper`;
const below = folder.slice((root ?? '').length);

const rules = [
  denyRule('In containers', 'evt.type = connect and fd.sip = "127.0.7.1" and container.id != host'),
  denyRule('On the host', 'evt.type = connect and fd.sip = "127.0.7.2" and container.id = host'),
  denyRule('By scope', 'evt.type = connect and fd.sip = "127.0.7.3"', '  scope: containers\n'),
  denyRule('Host by scope', 'evt.type = connect and fd.sip = "127.0.7.4"', '  scope: host\n'),
  denyRule(
    'In web',
    'evt.type = connect and fd.sip = "127.0.7.5"',
    `  scope: {cgroup: [${below}/web/, /none]}\n`,
  ),
  denyRule('Nobody', 'evt.type = connect and fd.sip = "127.0.7.8" and not proc.name = nobody'),
  denyRule('Port', 'evt.type = bind and fd.sport = 4444 and fd.sip != "127.0.7.9"'),
].join('');

let denial: Denial;

before(() => {
  if (skip !== false || tiers === undefined) return;
  for (const cgroup of [`${container}/init`, `${web}/worker`, `${folder}/website`])
    fs.mkdirSync(cgroup, { recursive: true });
  fs.copyFileSync(fs.realpathSync(PYTHON), keeper);
  fs.chmodSync(state, 0o755);
  denial = new Denial(rules, {
    tiers: { ...tiers, cgroup: folder },
    stateDir: state,
    protectedExecutables: [keeper],
  });
});
after(() => {
  denial?.close();
  fs.rmSync(state, { recursive: true });
  if (skip !== false) return;
  for (const cgroup of [`${container}/init`, container, `${web}/worker`, web, `${folder}/website`, folder])
    fs.rmdirSync(cgroup);
});

/** A program that says `ok` or the errno's name. */
function wrap(code: string): string {
  return `import os,socket,errno\ntry:\n${code.replace(/^/gm, ' ')}\n print('ok')\nexcept OSError as e: print(errno.errorcode.get(e.errno,e.errno))`;
}

/** Runs Python that begins in a cgroup. */
function act(code: string, cgroup: string, python = 'python3'): string {
  const program = wrap(code);
  const script = 'echo $$ > "$1/cgroup.procs" && exec $3 -c "$2"';
  const { stdout, stderr } = spawnSync('sh', ['-c', script, 'sh', cgroup, program, python], {
    encoding: 'utf8',
  });
  return stdout.trim() || stderr;
}
const reach = (last: number): string => `socket.socket().connect(('127.0.7.${last}',9))`;
const rule = (): (string | undefined)[] => denial.told().map(({ by }) => by);
const REACHED = 'ECONNREFUSED';

test('a rule on containers refuses what is in one, also below it, and nobody else', { skip }, () => {
  for (const address of [1, 3]) {
    denial.told();
    assert.equal(act(reach(address), container), 'EPERM');
    assert.equal(act(reach(address), `${container}/init`), 'EPERM');
    assert.deepEqual(rule(), Array(2).fill(address === 1 ? 'In containers' : 'By scope'));
    assert.equal(act(reach(address), web), REACHED);
    assert.deepEqual(rule(), []);
  }
});

test('a rule on the host refuses what is in no container', { skip }, () => {
  for (const address of [2, 4]) {
    assert.equal(act(reach(address), web), 'EPERM');
    assert.equal(act(reach(address), container), REACHED);
  }
});

test('a scope by cgroup holds for it and what is below, also when made later, and not for its namesakes', {
  skip,
}, () => {
  assert.equal(act(reach(5), web), 'EPERM');
  assert.equal(act(reach(5), `${web}/worker`), 'EPERM');
  assert.equal(act(reach(5), `${folder}/website`), REACHED);
  assert.equal(act(reach(5), container), REACHED);
  fs.mkdirSync(`${web}/later`);
  assert.equal(act(reach(5), `${web}/later`), 'EPERM');
  fs.rmdirSync(`${web}/later`);
});

test('what was in a container stays in it, with its children, whatever cgroup it moves to', { skip }, () => {
  const moved = `open('${web}/cgroup.procs','w').write(str(os.getpid()))\n${reach(1)}`;
  assert.equal(act(moved, container), 'EPERM');
  const child = `open('${web}/cgroup.procs','w').write(str(os.getpid()))\nimport subprocess,sys\nif subprocess.run([sys.executable,'-c',"import socket; socket.socket().connect(('127.0.7.1',9))"],stderr=-3).returncode: pass\n${reach(1)}`;
  assert.equal(act(child, container), 'EPERM');
  assert.equal(rule().filter((name) => name === 'In containers').length, 3);
});

test('a rule on a port refuses to bind it, in every family, and no other', { skip }, () => {
  denial.told();
  const bind = (family: string, type: string, address: string, port: number): string =>
    act(`socket.socket(socket.${family},socket.${type}).bind(('${address}',${port}))`, web);
  assert.equal(bind('AF_INET', 'SOCK_STREAM', '127.0.0.1', 4444), 'EPERM');
  assert.equal(bind('AF_INET', 'SOCK_DGRAM', '', 4444), 'EPERM');
  assert.equal(bind('AF_INET6', 'SOCK_STREAM', '::', 4444), 'EPERM');
  assert.equal(bind('AF_INET6', 'SOCK_STREAM', '::ffff:127.0.0.1', 4444), 'EPERM');
  assert.deepEqual(rule(), Array(4).fill('Port'));
  assert.equal(bind('AF_INET', 'SOCK_STREAM', '127.0.0.1', 4445), 'ok');
  assert.equal(bind('AF_INET', 'SOCK_STREAM', '127.0.7.9', 4444), 'ok');
  assert.deepEqual(rule(), []);
});

test('the number of the engine exempts nobody else: it comes again when the engine is dead', { skip }, () => {
  const number = `import time\nfor i in range(500):\n time.sleep(.01)\n if os.path.exists('${state}/go'): break\n${reach(1)}`;
  const script = 'echo $$ > "$1/cgroup.procs" && exec python3 -c "$2"';
  const child = spawn('sh', ['-c', script, 'sh', container, wrap(number)]);
  let said = '';
  child.stdout.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  denial.sensor.control.setIgnored(child.pid!);
  fs.writeFileSync(`${state}/go`, '');
  return new Promise<void>((resolve) => child.once('close', () => resolve())).then(() => {
    denial.sensor.control.setIgnored(process.pid);
    assert.equal(said.trim(), 'EPERM');
  });
});

test('a protected executable is refused nothing where root began it on the host, and everything elsewhere', {
  skip,
}, () => {
  const act8 = (cgroup: string, command: string, before = '') => act(`${before}${reach(8)}`, cgroup, command);
  assert.equal(act8(web, 'python3'), 'EPERM');
  assert.equal(act8(web, keeper), REACHED);
  assert.equal(act8(web, keeper, 'os.setuid(65534)\n'), REACHED, 'what it becomes');
  assert.equal(act8(web, keeper, 'if os.fork(): os._exit(os.wait()[1])\n'), REACHED, 'its children');
  assert.equal(act8(container, keeper), 'EPERM', 'in a container');
  const nobody = `setpriv --reuid 65534 --regid 65534 --clear-groups`;
  assert.equal(act8(web, `${nobody} ${keeper}`), 'EPERM', 'by a user');
  assert.equal(
    act8(web, `${nobody} unshare --user --map-root-user ${keeper}`),
    'EPERM',
    'in a user namespace',
  );
});

test('while rules are swapped each refusal is told as that of the rule that refused it', {
  skip,
}, async () => {
  const asked = denyRule('Asked', 'evt.type = connect and fd.sip = "127.0.8.1"');
  const other = denyRule('Other', 'evt.type = connect and fd.sip = "127.0.8.2"');
  // Labels take time between the new policy and the old one's end.
  const files = fs.readdirSync('/usr/bin').slice(0, 300);
  const labels = denyRule(
    'Labels',
    `evt.type = open and fd.name in (${files.map((name) => `/usr/bin/${name}`).join(', ')}) and proc.name = nobody`,
  );
  const program = `import socket,time
while True:
 with socket.socket(socket.AF_INET,socket.SOCK_DGRAM) as s:
  try: s.connect(('127.0.8.1',9))
  except PermissionError: time.sleep(.0002)`;
  denial.apply(asked);
  denial.told();
  const child = spawn('sh', [
    '-c',
    'echo $$ > "$1/cgroup.procs" && exec python3 -c "$2"',
    'sh',
    web,
    program,
  ]);
  try {
    for (let swap = 0; swap < 20; swap++) {
      await sleep(20);
      denial.apply(labels + (swap % 2 === 0 ? other + asked : asked + other));
    }
  } finally {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  const named = rule();
  assert.ok(named.length > 1000, `${named.length} refusals`);
  assert.deepEqual([...new Set(named)], ['Asked']);
  denial.apply(rules);
});
