import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse, stringify } from 'yaml';
import { planTiers } from '../src/enforce/index.ts';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';
import { type AlertLine, LiveEngine, liveSkip } from './lib/engine.ts';
import { SESSION_FIELD } from './lib/scenario.ts';

/**
 * An attack from the first program to the wiped log, against one engine: with the policies as they ship (they say what
 * they would refuse), and with the policies enforcing.
 */
const POLICIES = join(PACKAGE_ROOT, 'rules/policies/policies.yaml');
const MEMORY = '/dev/shm/rf-attack-';
/** Programs under names by which the enforcing policies know this test's processes from all others of the machine. */
const ACTOR = 'rf-atk-';
const PROGRAMS = { sh: '/bin/sh', cat: '/bin/cat', cp: '/bin/cp', net: process.execPath } as const;

interface Step {
  readonly name: string;
  readonly program: keyof typeof PROGRAMS | 'dropped';
  readonly args: readonly string[];
  /** Rules of the own set that notice it, with the technique that they must name. */
  readonly noticed: Readonly<Record<string, string>>;
  /** The policy that covers it. */
  readonly policy?: string;
  readonly kind?: 'file' | 'exec' | 'network';
}

interface Outcome {
  readonly alerts: readonly AlertLine[];
  readonly code: number | null;
  readonly stdout: string;
}

/** What a shell says of a command that SIGKILL ended. */
const KILLED = 128 + 9;

const skip = liveSkip();
const tiers = skip === false ? planTiers() : undefined;
const sandbox = mkdtempSync(join(tmpdir(), 'rf-attack-'));
const tag = basename(sandbox);
const memory = `/dev/shm/${tag}`;
const logs = `/var/log/${tag}`;
const cron = `/etc/cron.d/${tag}`;
const planted = `/usr/bin/${tag}`;

/** Connects to an address of this namespace's own loopback interface: nothing leaves it, whatever is refused. */
const CONNECT = `const net=require('net');const host=process.argv[1];
const server=net.createServer((s)=>s.destroy()).listen(8333,'0.0.0.0',()=>{
const done=(what)=>{console.log(what);process.exit(0)};
net.connect(8333,host).once('connect',()=>done('connected')).once('error',(e)=>done(e.code))});`;

const STEPS: readonly Step[] = [
  {
    name: 'a program is dropped among those of the system',
    program: 'cp',
    args: ['/bin/true', planted],
    noticed: { 'System program changed': 'T1554' },
    policy: 'Write below a folder of programs',
    kind: 'file',
  },
  {
    name: 'a program is dropped in shared memory',
    program: 'sh',
    args: ['-c', `cp /bin/true ${memory}/dropped && chmod 755 ${memory}/dropped`],
    noticed: { 'Program placed in shared memory': 'T1105' },
  },
  {
    name: 'it is run from there',
    program: 'dropped',
    args: ['--daemon'],
    noticed: { 'Program run from shared memory': 'T1059.004' },
    policy: 'Program in a world-writable folder',
    kind: 'exec',
  },
  {
    name: 'the password hashes are read',
    program: 'cat',
    args: ['/etc/shadow'],
    noticed: { 'Password hashes read': 'T1003.008' },
    policy: 'Shadow file opened by a stranger',
    kind: 'file',
  },
  {
    name: 'a cron job is to bring it back',
    program: 'sh',
    args: ['-c', `echo '# 0 0 1 1 * root ${memory}/dropped' > ${cron}`],
    noticed: { 'Scheduled job written': 'T1053.003' },
  },
  {
    name: 'it calls home',
    program: 'net',
    args: ['-e', CONNECT, '203.0.113.66'],
    noticed: { 'Connection to a listed address': 'T1071' },
  },
  {
    name: 'it goes to work for a mining pool',
    program: 'net',
    args: ['-e', CONNECT, '198.51.100.66'],
    noticed: {},
    policy: 'Mining pool contacted',
    kind: 'network',
  },
  {
    name: 'the log is emptied',
    program: 'sh',
    args: ['-c', `: > ${logs}/auth.log`],
    noticed: { 'Log file truncated': 'T1070.002' },
  },
  {
    name: 'the log is removed',
    program: 'sh',
    args: ['-c', `rm ${logs}/auth.log`],
    noticed: { 'Log file removed': 'T1070.002' },
  },
];

/** The policies switched to enforcing, for this test's processes only: the machine may have work to do. */
function enforcing(): string {
  const scope = `(proc.name startswith ${ACTOR} or proc.exepath startswith ${MEMORY})`;
  const items = parse(readFileSync(POLICIES, 'utf8')) as Record<string, unknown>[];
  const covered = new Map(STEPS.map((step) => [step.policy, step]));
  return stringify(
    items.flatMap((item) => {
      if (item.rule === undefined) return [item];
      const step = covered.get(String(item.rule));
      if (step === undefined) return [];
      // Without security hooks an open cannot be refused, but who does it can be killed.
      const enforce = step.kind === 'file' && tiers?.files === 'signal' ? 'kill' : 'deny';
      return [
        { ...item, condition: `(${String(item.condition).trim()}) and ${scope}`, enforce, mode: 'enforce' },
      ];
    }),
    { lineWidth: 0 },
  );
}

function prepare(): void {
  for (const folder of [sandbox, memory, logs]) mkdirSync(folder, { recursive: true });
  writeFileSync(`${logs}/auth.log`, 'evidence\n');
  for (const [name, target] of Object.entries(PROGRAMS)) {
    rmSync(join(sandbox, ACTOR + name), { force: true });
    symlinkSync(target, join(sandbox, ACTOR + name));
  }
}

function cleanUp(): void {
  for (const path of [sandbox, memory, logs, cron, planted]) rmSync(path, { recursive: true, force: true });
}

/** Does a step in a session and a network namespace of its own; what came of it, and the alerts of that session. */
async function perform(engine: LiveEngine, step: Step, expected: number): Promise<Outcome> {
  const file = step.program === 'dropped' ? `${memory}/dropped` : join(sandbox, ACTOR + step.program);
  const network =
    'ip link set lo up && ip addr add 203.0.113.66/32 dev lo && ip addr add 198.51.100.66/32 dev lo';
  // Under a shell, as an intruder would: some rules look at the parent.
  const shell = ['sh', '-c', `${step.program === 'net' ? `${network} && ` : ''}"$0" "$@"; exit $?`];
  const argv = [...(step.program === 'net' ? ['unshare', '-n'] : []), ...shell, file, ...step.args];
  const child = spawn(argv[0]!, argv.slice(1), { detached: true, stdio: ['ignore', 'pipe', 'inherit'] });
  let stdout = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text;
  });
  const late = setTimeout(() => child.kill('SIGKILL'), 20_000);
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve));
  clearTimeout(late);
  const own = (): AlertLine[] => engine.alerts.filter((a) => a.output_fields['proc.sid'] === child.pid);
  await engine.until(() => own().length >= expected, 8000);
  await sleep(250);
  return { alerts: own(), code, stdout: stdout.trim() };
}

const guarantee = (alert: AlertLine): string | undefined =>
  (alert.ringfence as { guarantee?: string } | undefined)?.guarantee;

/** Rule → guarantee of the alerts of a step. */
const table = (alerts: readonly AlertLine[]): Record<string, string | undefined> =>
  Object.fromEntries(alerts.map((a) => [a.rule, guarantee(a)]));

async function start(policies: string, mode: string): Promise<LiveEngine> {
  return LiveEngine.start({
    config: { ...SESSION_FIELD, rule_matching: 'all', rules_files: [policies], mode },
  });
}

describe('an attack, with the policies watching', { skip }, () => {
  let engine: LiveEngine;
  before(async () => {
    prepare();
    engine = await start(POLICIES, 'monitor');
  });
  after(async () => {
    cleanUp();
    assert.equal(await engine?.stop(), 0);
  });
  for (const step of STEPS) {
    test(`${step.name}: it works and is told`, async () => {
      const rules = Object.keys(step.noticed);
      const outcome = await perform(engine, step, rules.length + (step.policy ? 1 : 0));
      const { alerts } = outcome;
      assert.equal(outcome.code, 0, JSON.stringify(outcome, null, 1));
      if (step.program === 'net') assert.equal(outcome.stdout, 'connected');
      // A guarantee is about the act: one record of an exec serves all rules on this tier.
      const shared = step.kind === 'exec' && tiers?.exec === 'signal';
      const expected = Object.fromEntries(rules.map((rule) => [rule, shared ? 'would_deny' : 'observed']));
      if (step.policy) {
        const powerless = step.kind === 'file' && tiers?.files !== 'lsm';
        expected[step.policy] = powerless ? 'observed' : 'would_deny';
      }
      assert.deepEqual(table(alerts), expected, JSON.stringify(alerts, null, 1));
      for (const [rule, technique] of Object.entries(step.noticed)) {
        const tags = alerts.find((alert) => alert.rule === rule)?.tags as string[];
        assert.ok(tags.includes(technique), `${rule}: ${tags}`);
      }
    });
  }
});

describe('the same attack, with the policies enforcing', { skip }, () => {
  let engine: LiveEngine;
  before(async () => {
    prepare();
    // As if the step before had come through: each is refused by itself.
    copyFileSync('/bin/true', `${memory}/dropped`);
    const file = join(sandbox, 'enforcing.yaml');
    writeFileSync(file, enforcing());
    engine = await start(file, 'enforce');
  });
  after(async () => {
    cleanUp();
    assert.equal(await engine?.stop(), 0);
  });
  for (const step of STEPS.filter((one) => one.policy !== undefined)) {
    const tier = step.kind === 'network' ? tiers?.network : step.kind === 'exec' ? tiers?.exec : tiers?.files;
    const without = tier === 'observe' && `nothing refuses a ${step.kind} act here`;
    test(`${step.name}: it is refused and told`, { skip: without }, async () => {
      const outcome = await perform(engine, step, 1);
      const text = JSON.stringify(outcome, null, 1);
      const told = outcome.alerts.find((alert) => alert.rule === step.policy);
      assert.equal(told && guarantee(told), tier === 'signal' ? 'killed' : 'denied', text);
      if (tier === 'signal') assert.equal(outcome.code, KILLED, text);
      else if (step.kind === 'network') assert.equal(outcome.stdout, 'EPERM', text);
      else assert.notEqual(outcome.code, 0, text);
      if (step.program === 'cat') assert.equal(outcome.stdout, '');
    });
  }
});
