import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import { LiveEngine, liveSkip } from '../../../test/lib/engine.ts';
import { loadRules, type RuleFile, type RuleSet } from '../../rules/index.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { syscallNumber } from '../../sensors/events/syscalls.ts';
import { type RecordSpec, recordOf } from '../../sensors/record/build-record.ts';
import { RF_FD_TYPE, STRUCTS } from '../../sensors/record/layout.gen.ts';
import type { AnyRec } from '../../sensors/record/record.gen.ts';
import { RecordingWriter } from '../../sensors/record/recording.ts';
import type { Alert } from '../core/alert.ts';
import type { Event } from '../enrich/event.ts';
import { BUILTIN_RULES, expandPath } from '../rule-files.ts';
import { LANGUAGE, readRuleFiles } from '../ruleset.ts';
import { startRecording } from './recorder.ts';
import { replay } from './replayer.ts';

/** Ten million with RINGFENCE_LONG=1: as many as an hour of a busy host. */
const RECORDS = process.env.RINGFENCE_LONG === '1' ? 10_000_000 : 300_000;
const PROCESSES = 500;
const HOUR_NS = 3600e9;

function load(files: readonly RuleFile[]): RuleSet<Event> {
  const { rules, diagnostics } = loadRules(files, { ...LANGUAGE, matching: 'all' });
  assert.ok(rules, JSON.stringify(diagnostics));
  return rules;
}

/** What one process does in its life, as records whose times and numbers are still to be filled in. */
function life(pid: number): AnyRec[] {
  const self = { pid, tid: pid, vpid: pid, ppid: 1, start: pid * 1000, comm: 'work' };
  const open = (path: string, flags: number): RecordSpec => ({
    kind: 'call',
    nr: syscallNumber('openat')!,
    ...self,
    args: [-100, 0, flags, 0],
    ret: 3,
    path0: path,
    fdType: RF_FD_TYPE.FILE,
    fdPath: path,
  });
  const rare = pid % 50 === 0;
  return [
    { kind: 'fork', pid: 1, tid: 1, start: 1, comm: 'init', childPid: pid, childStart: pid * 1000 },
    {
      kind: 'exec',
      ...self,
      exe: rare ? '/dev/shm/work' : '/usr/bin/work',
      filename: 'work',
      args: `work\0--job\0${pid}\0`,
      cwd: '/srv',
    },
    open('/etc/ld.so.cache', 0),
    open('/usr/lib/x86_64-linux-gnu/libc.so.6', 0),
    open(rare ? '/etc/shadow' : '/etc/hosts', 0),
    open(`/srv/data/${pid}`, 0o1101),
    open(rare ? '/etc/cron.d/job' : '/srv/log', 0o1101),
    { kind: 'exit', ...self },
  ].map((spec) => recordOf(spec as RecordSpec));
}

/** A recording of `RECORDS` records over an hour. */
function synthesize(path: string): void {
  const field = (name: string): number =>
    STRUCTS.rf_call.fields.find((one) => one.name === `h.${name}`)!.offset;
  const [seq, ts] = [field('seq'), field('ts')];
  const writer = new RecordingWriter(path, {
    arch: 'x64',
    hostname: 'h',
    bootId: 'b',
    kernel: 'k',
    clockOffset: '1700000000000000000',
    accounts: { passwd: 'root:x:0:0::/root:/bin/sh\n', group: 'root:x:0:\n' },
  });
  const pool = Array.from({ length: PROCESSES }, (_, i) => life(1000 + i)).flat();
  for (let i = 0; i < RECORDS; i++) {
    const rec = pool[i % pool.length]!;
    const bytes = rec.bytes();
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    view.setBigUint64(seq, BigInt(i), true);
    view.setBigUint64(ts, BigInt(Math.floor((HOUR_NS / RECORDS) * i) + 1e9), true);
    writer.record(rec);
  }
  writer.close();
}

interface Run {
  readonly alerts: number;
  readonly digest: string;
  readonly perRule: Readonly<Record<string, number>>;
  readonly rate: number;
}

function run(path: string, rules: RuleSet<Event>): Run {
  const digest = createHash('sha256');
  const perRule: Record<string, number> = {};
  let alerts = 0;
  const emit = (batch: readonly Alert[]): void => {
    for (const alert of batch) {
      alerts++;
      perRule[alert.rule] = (perRule[alert.rule] ?? 0) + 1;
      digest.update(JSON.stringify(alert, (_, v: unknown) => (typeof v === 'bigint' ? String(v) : v)));
    }
  };
  const started = performance.now();
  const end = replay({ path, rules, emit });
  const rate = RECORDS / ((performance.now() - started) / 1000);
  assert.deepEqual(
    { records: end.records, damaged: end.damaged, truncated: end.truncated, lost: end.lost },
    { records: RECORDS, damaged: 0, truncated: false, lost: 0 },
  );
  return { alerts, digest: digest.digest('hex'), perRule, rate };
}

test('a long recording raises the same alerts every time', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-replay-'));
  try {
    const path = join(folder, 'hour.rfr');
    synthesize(path);
    const files = readRuleFiles(expandPath(BUILTIN_RULES));
    const first = run(path, load(files));
    const second = run(path, load(files));
    assert.equal(second.digest, first.digest);
    // One process in fifty runs from shared memory, reads the hashes and plants a job: what must be found is known.
    const lives = RECORDS / 8 / 50;
    for (const rule of ['Program run from shared memory', 'Password hashes read', 'Scheduled job written']) {
      assert.equal(first.perRule[rule], lives, rule);
    }
    assert.deepEqual(Object.keys(first.perRule).length, 3, JSON.stringify(first.perRule));
    const mb = (statSync(path).size / 2 ** 20).toFixed(0);
    const rates = [first, second].map((one) => `${Math.round(one.rate / 1000)}k`).join(' and ');
    t.diagnostic(`${RECORDS} records (${mb} MiB), ${first.alerts} alerts, ${rates} records/s`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

const without = ({ output_fields }: { output_fields: Readonly<Record<string, unknown>> }): unknown =>
  Object.fromEntries(Object.entries(output_fields).filter(([name]) => name !== 'evt.time'));

test('what a live engine saw is found in the recording of that time', { skip: liveSkip() }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'rf-replay-'));
  const marker = join(folder, 'marker');
  const path = join(folder, 'live.rfr');
  writeFileSync(marker, '');
  const text = `- rule: Marker
  desc: the marker was opened
  condition: evt.type in (open, openat, openat2) and fd.name = ${marker}
  output: opened %fd.name %evt.res %evt.arg.flags %proc.name %proc.cmdline %proc.exepath %proc.cwd %proc.pname %proc.is_sid_leader %user.name
  priority: INFO
- rule: Copied program
  desc: a program of this test was run
  condition: evt.type in (execve, execveat) and proc.cmdline contains ${basename(folder)} and proc.name = cp
  output: run %proc.cmdline %proc.exepath %proc.pname %user.name
  priority: INFO
`;
  const engine = await LiveEngine.start({ rules: text });
  try {
    const codes = ['open', 'openat', 'openat2', 'execve'].map((name) => EVENT_NAMES.code(name)!);
    const fail = (error: unknown): void => assert.fail(String(error));
    const stop = startRecording({ path, codes, hostname: hostname(), onProgress() {}, onError: fail });
    try {
      spawnSync('sh', [
        '-c',
        `cat ${marker}; cd ${folder} && cat ./marker >/dev/null; cp ${marker} ${folder}/copy`,
      ]);
      // A session begins between exec and open: no record of a process tells.
      spawnSync('perl', ['-MPOSIX', '-e', 'setsid(); open(F, "<", $ARGV[0])', marker]);
      assert.ok(await engine.until(() => engine.alerts.length >= 5, 10_000));
    } finally {
      stop();
    }
    const replayed: Alert[] = [];
    replay({ path, rules: load([{ name: 'r', text }]), emit: (batch) => void replayed.push(...batch) });
    const found = replayed.map(({ rule, fields }) => ({ rule, fields: without({ output_fields: fields }) }));
    const seen = engine.alerts.map((alert) => ({ rule: alert.rule, fields: without(alert) }));
    assert.deepEqual(
      found.map(({ rule }) => rule),
      ['Marker', 'Marker', 'Copied program', 'Marker', 'Marker'],
    );
    assert.equal(replayed.at(-1)?.fields['proc.is_sid_leader'], true);
    for (const [i, alert] of found.entries()) {
      assert.deepEqual(alert.fields, pick(seen[i]?.fields as object, Object.keys(alert.fields as object)));
    }
  } finally {
    assert.equal(await engine.stop(), 0);
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The live engine may append fields that the rules here do not have. */
const pick = (from: object, names: readonly string[]): unknown =>
  Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)));
