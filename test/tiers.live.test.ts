import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { probe } from '../src/sensors/bpf/probe.ts';
import type { CallTier } from '../src/sensors/calls/call-programs.ts';
import { planCapture } from '../src/sensors/calls/capture-plan.ts';
import { EVENT_NAMES, EVENTS } from '../src/sensors/events/events.ts';
import { syscallName } from '../src/sensors/events/syscalls.ts';
import { type CallSpec, LiveRecorder } from '../src/sensors/live-recorder.ts';
import { liveSkip } from './lib/engine.ts';
import { callsOf, EVERY_CALL } from './lib/every-call.ts';
import { compileActor } from './scenarios/lib/actor.ts';
import { stageSkip } from './scenarios/lib/stage.ts';
import { compileSteps } from './scenarios/lib/steps.ts';

/** One act of most kinds; every program here is there on a minimal Debian. */
const ACTS = `
"$ACTOR"; cd "$1"; mkdir a b; echo text > a/file; cat a/file ../nothing a/missing; cp a/file b/copy; ln a/file b/hard
ln -s ../a/file b/soft; cat b/soft; mv b/copy b/moved; chmod 600 a/file; chown 1:1 a/file; touch -d 2001-01-01 a/file
rm b/moved b/hard; rmdir none; truncate -s 3 a/file; setpriv --reuid 65534 --regid 65534 --clear-groups cat a/file
unshare --mount sh -c 'mount -t tmpfs x a; mkdir a/in; umount a'; kill -0 $$; (exec setsid true)
perl -MSocket -e 'socket(S, AF_INET, SOCK_STREAM, 0); bind(S, pack_sockaddr_in(0, INADDR_LOOPBACK)); listen(S, 1);
 my $to = getsockname(S); socket(C, AF_INET, SOCK_STREAM, 0); connect(C, $to); accept(A, S); send(C, "hello", 0);
 recv(A, my $b, 9, 0); socket(U, AF_INET, SOCK_DGRAM, 0); send(U, "dgram", 0, $to); shutdown(C, 2); pipe(R, W)'
no-such-program; /etc/passwd; exit 0`;

/** On a machine that does other things too, these are more than can be kept of all processes. */
const BUSY = new Set(
  process.env.RINGFENCE_GUEST === undefined
    ? 'read write pread pwrite mmap mprotect close fcntl'.split(' ')
    : [],
);

const eventOf = (call: string): string => EVENTS[EVENT_NAMES.code(call) ?? 0]!.name;

/** The same call, without what differs from one look at it to the next. */
function comparable(rec: CallSpec): object {
  const { seq: _seq, ts: _ts, cpu: _cpu, ...rest } = rec;
  return { call: syscallName(rec.nr ?? 0), ...rest };
}

const skip = liveSkip() || stageSkip();
const TIERS = { tp_btf: skip, function: skip || (probe('fentry').why ?? false) } as const;

for (const tier of ['tp_btf', 'function'] as const) {
  test(
    `a call seen by ${tier} gives the record that its tracepoint gives, field by field`,
    { skip: TIERS[tier] },
    (t) => compare(t, tier),
  );
}

async function compare(t: TestContext, tier: CallTier): Promise<void> {
  const events = EVENTS.filter((def) => def.specific && !BUSY.has(def.name)).map((def) => def.name);
  const { capture, tracepoints } = planCapture([{ events, reads: ['buffer', 'cwd'] }]);
  const open = (calls: CallTier): LiveRecorder =>
    new LiveRecorder({}, { capture, tracepoints, calls, ringBytes: 32 << 20, ignorePid: process.pid });
  const recorders = [open('tracepoint'), open(tier)] as const;
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-tiers-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const env = { ...process.env, RF_STEPS: compileSteps(EVERY_CALL, folder), ACTOR: compileActor(folder) };
  // The records are read meanwhile: those of the whole machine come.
  const child = spawn('sh', ['-c', ACTS, 'acts', folder], { env, stdio: 'ignore' });
  await once(child, 'close');
  await Promise.all(recorders.map((live) => live.find('exit', (rec) => rec.pid === child.pid)));
  await sleep(200);
  for (const live of recorders) {
    assert.deepEqual([live.losses, live.errors, live.sensor.stats().lostRing], [[], [], 0]);
    live.close();
  }

  const family = new Set([child.pid ?? 0]);
  for (const rec of recorders[0].records) {
    if (rec.kind === 'fork' && family.has(rec.pid ?? 0)) family.add(rec.childPid ?? 0);
  }
  const [byTracepoint, byOther] = recorders.map((live) => {
    const threads = new Map<number, object[]>();
    for (const rec of live.records) {
      if (rec.kind !== 'call' || !family.has(rec.pid ?? 0)) continue;
      const calls = threads.get(rec.tid ?? 0) ?? [];
      threads.set(rec.tid ?? 0, calls);
      calls.push(comparable(rec));
    }
    return threads;
  });
  assert.ok(byTracepoint!.size > 20, `${byTracepoint!.size} threads`);
  for (const [tid, calls] of byTracepoint!) assert.deepEqual(byOther!.get(tid), calls);
  const kinds = new Set([...byTracepoint!.values()].flat().map((rec) => (rec as { call?: string }).call));
  assert.deepEqual(
    [...callsOf(EVERY_CALL)].filter((call) => !kinds.has(call) && !BUSY.has(eventOf(call))),
    [],
  );
}
