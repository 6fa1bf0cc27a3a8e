import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from '../../src/engine/control/client.ts';
import { cgroup2Mount, probe } from '../../src/sensors/bpf/probe.ts';
import type { SensorStats } from '../../src/sensors/sensor.ts';
import { LiveEngine, liveSkip } from '../lib/engine.ts';
import { Prober } from '../lib/prober.ts';
import { evidence, rounds } from './evidence.ts';
import { holdings } from './host.ts';

/** What an attacker, or bad luck, can pile up: the engine stays small, keeps refusing, and comes back to rest. */
const PYTHON = '/usr/bin/python3';
const GENERATIONS = rounds('RINGFENCE_GENERATIONS', 500);
/** As many as the machine allows to one process. */
const DESCRIPTORS = Math.min(
  50_000,
  Number(fs.readFileSync('/proc/sys/fs/nr_open', 'utf8')) - 100,
  Number(/^Max open files\s+\S+\s+(\d+)/m.exec(fs.readFileSync('/proc/self/limits', 'utf8'))?.[1]) - 100,
);
const CGROUPS = rounds('RINGFENCE_CGROUPS', 300);
const FLOOD_MS = rounds('RINGFENCE_FLOOD_MS', 300);
const BOMB_MS = rounds('RINGFENCE_BOMB_MS', 2000);
const BOMB_PIDS = 200;
const SLACK_MB = 80;
/** What others do on the machine meanwhile. */
const RESTING_BYTES = 64 << 10;

const pidsController = ['/sys/fs/cgroup/pids', '/sys/fs/cgroup'].find((folder) => {
  const v2 = path.join(folder, 'cgroup.subtree_control');
  return fs.existsSync(v2)
    ? fs.readFileSync(v2, 'utf8').includes('pids')
    : folder.endsWith('pids') && fs.existsSync(folder);
});
const skip =
  liveSkip() ||
  (probe('cgroup_sock_addr').answer !== 'yes'
    ? 'needs cgroup2'
    : fs.existsSync(PYTHON)
      ? false
      : `needs ${PYTHON}`);

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-pressure-'));
const marker = path.join(folder, 'rf-marker');
const RULES = `- rule: Marked
  desc: Whether it still sees.
  condition: evt.type = execve and proc.exepath = ${marker}
  output: marked %proc.aname[3] %proc.cmdline
  priority: INFO
`;
const EVERYTHING = `- rule: Everything
  desc: Each event that there is.
  condition: evt.num >= 0
  output: event %evt.type by %proc.name
  priority: INFO
`;

const python = (code: string): ChildProcess =>
  spawn(PYTHON, ['-c', code], { stdio: ['ignore', 'ignore', 'pipe'] });

async function ended(child: ChildProcess): Promise<void> {
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    said += chunk;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  assert.equal(code, 0, said);
}

/** Starts an engine that refuses one network, runs what shall not bring it down, and looks at it before, meanwhile and after. */
class Subject {
  readonly engine: LiveEngine;
  #before: number;
  private constructor(engine: LiveEngine) {
    this.engine = engine;
    this.#before = holdings(engine.process.pid ?? 0).rssMb;
  }
  static async start(rules: string): Promise<Subject> {
    const engine = await LiveEngine.start({
      rules,
      config: { mode: 'enforce', containers: { enabled: true }, process_table: { max_processes: 2048 } },
    });
    await ask(engine.socket, 'deny.add', { target: '127.0.13.0/24' });
    await sleep(500);
    return new Subject(engine);
  }
  async #sensor(): Promise<SensorStats> {
    const { engine } = (await ask(this.engine.socket, 'status')) as { engine: { sensor: SensorStats } };
    return engine.sensor;
  }
  /** From here on it shall not grow. */
  rest(): void {
    this.#before = holdings(this.engine.process.pid ?? 0).rssMb;
  }

  /** Does it, and says what it took. */
  async endure(act: () => Promise<void>, slackMb = SLACK_MB): Promise<string> {
    const prober = new Prober('127.0.13.1');
    const had = holdings(this.engine.process.pid ?? 0);
    await act();
    // At rest again: the rings are empty, and an event becomes an alert.
    const told = this.engine.alerts.length;
    let pending = Number.POSITIVE_INFINITY;
    for (let n = 0; n < 200 && pending > RESTING_BYTES; n++) {
      await sleep(50);
      pending = (await this.#sensor()).pending;
    }
    spawnSync(marker);
    assert.ok(await this.engine.until(() => this.engine.alerts.length > told, 5000), 'it sees');
    await prober.end();
    assert.deepEqual(prober.other, [], 'each act is refused while it lasts');
    assert.ok(prober.refused > 0);
    const has = holdings(this.engine.process.pid ?? 0);
    assert.ok(has.rssMb <= this.#before + slackMb, `memory: ${this.#before} MB became ${has.rssMb} MB`);
    assert.ok(has.fds <= had.fds + 2, `descriptors: ${had.fds} became ${has.fds}`);
    assert.ok(has.threads <= had.threads, `threads: ${had.threads} became ${has.threads}`);
    const { lostRing, lostPriority, lostSlot } = await this.#sensor();
    const lost = lostRing + lostPriority + lostSlot;
    return `${had.rssMb} → ${has.rssMb} MB, ${prober.refused} of ${prober.refused} connections refused meanwhile, ${lost === 0 ? 'nothing' : `${lost} events`} lost so far`;
  }
}

const expected =
  'memory, descriptors and threads bounded; each denied act refused meanwhile; then it sees again';

describe('an engine under pressure', { skip }, () => {
  let subject: Subject;
  before(async () => {
    fs.copyFileSync('/usr/bin/true', marker);
    subject = await Subject.start(RULES);
  });
  after(async () => {
    await subject?.engine.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test(`${GENERATIONS} generations of processes, each the parent of the next`, async () => {
    const deep = path.join(folder, 'rf-deep');
    const step = `#!/bin/sh\n[ "$1" -gt 0 ] && { ${deep} $(($1 - 1)); exit $?; }\nexec ${marker} deep\n`;
    fs.writeFileSync(deep, step, { mode: 0o700 });
    const result = await subject.endure(() =>
      ended(spawn(deep, [String(GENERATIONS)], { stdio: ['ignore', 'ignore', 'pipe'] })),
    );
    assert.ok(
      await subject.engine.until(
        () => subject.engine.alerts.some(({ output }) => output.includes('rf-marker deep')),
        5000,
      ),
    );
    evidence({ fault: `${GENERATIONS} generations of processes`, expected, result });
  });

  test('arguments and environment of almost two megabytes', async () => {
    const code = `import os\nbig='x'*120000\nfor i in range(20):\n  p=os.fork()\n  if not p: os.execve('${marker}',['rf-marker']+[big]*7,{str(k):big for k in range(7)})\n  os.waitpid(p,0)`;
    const result = await subject.endure(() => ended(python(code)));
    evidence({ fault: '20 programs with 1.7 MB of arguments and environment', expected, result });
  });

  test(`${DESCRIPTORS} descriptors open in one process`, async () => {
    const code = `import os,resource\nresource.setrlimit(resource.RLIMIT_NOFILE,(${DESCRIPTORS + 100},)*2)\nfor i in range(${DESCRIPTORS}): os.open('/dev/null',os.O_RDONLY)\nos.execv('${marker}',['rf-marker','many'])`;
    const result = await subject.endure(() => ended(python(code)));
    evidence({ fault: `${DESCRIPTORS} open descriptors in one process`, expected, result });
  });

  test(`${CGROUPS} cgroups that look like containers, with a process each`, async () => {
    const base = path.join(cgroup2Mount() ?? '', `rf-pressure-${process.pid}`);
    const names = Array.from({ length: CGROUPS }, (_, i) =>
      createHash('sha256').update(`${process.pid} ${i}`).digest('hex'),
    );
    fs.mkdirSync(base);
    try {
      for (const name of names) fs.mkdirSync(path.join(base, `docker-${name}.scope`));
      const list = path.join(folder, 'names');
      fs.writeFileSync(list, names.join('\n'));
      const code = `import os\nfor n in open('${list}').read().split():\n  p=os.fork()\n  if not p:\n    open('${base}/docker-'+n+'.scope/cgroup.procs','w').write('0')\n    os.execv('/usr/bin/true',['true'])\n  os.waitpid(p,0)`;
      const result = await subject.endure(() => ended(python(code)));
      evidence({ fault: `${CGROUPS} cgroups with names of containers, a process in each`, expected, result });
    } finally {
      for (const name of names) fs.rmdirSync(path.join(base, `docker-${name}.scope`));
      fs.rmdirSync(base);
    }
  });

  test(`a fork bomb of ${BOMB_PIDS} processes`, {
    skip: pidsController === undefined ? 'needs the pids controller' : false,
  }, async () => {
    const cgroup = path.join(pidsController ?? '', `rf-bomb-${process.pid}`);
    const inCgroup = (file: string): string => path.join(cgroup, file);
    fs.mkdirSync(cgroup);
    fs.writeFileSync(inCgroup('pids.max'), String(BOMB_PIDS));
    try {
      const result = await subject.endure(async () => {
        const line = `echo 0 >${inCgroup('cgroup.procs')}; bomb() { bomb | bomb & }; while :; do bomb; done`;
        const bomb = spawn('nice', ['/bin/sh', '-c', line], { stdio: 'ignore' });
        await sleep(BOMB_MS);
        fs.writeFileSync(inCgroup('pids.max'), '0');
        for (;;) {
          const pids = fs.readFileSync(inCgroup('cgroup.procs'), 'utf8').split('\n').filter(Boolean);
          if (pids.length === 0) break;
          for (const pid of pids) spawnSync('kill', ['-9', pid]);
          await sleep(20);
        }
        bomb.kill('SIGKILL');
      });
      evidence({
        fault: `a fork bomb held at ${BOMB_PIDS} processes, for ${BOMB_MS / 1000} s`,
        expected,
        result,
      });
    } finally {
      fs.rmdirSync(cgroup);
    }
  });
});

describe('an engine with a rule that matches every event', { skip }, () => {
  let subject: Subject | undefined;
  afterEach(async () => {
    await subject?.engine.stop();
    fs.rmSync(folder, { recursive: true, force: true });
  });

  test('is not stalled by a flood', async () => {
    fs.mkdirSync(folder, { recursive: true });
    fs.copyFileSync('/usr/bin/true', marker);
    subject = await Subject.start(EVERYTHING);
    const code = `import os,time\nend=time.time()+${FLOOD_MS / 1000}\nwhile time.time()<end:\n  os.close(os.open('/dev/null',os.O_RDONLY))`;
    await subject.endure(() => ended(python(code)), 2 * SLACK_MB);
    subject.rest();
    const result = await subject.endure(() => ended(python(code)));
    evidence({
      fault: `a rule that matches every event, and a loop of opens for ${FLOOD_MS} ms`,
      expected,
      result,
    });
  });
});
