import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { probe } from '../src/sensors/bpf/probe.ts';
import { planCapture } from '../src/sensors/calls/capture-plan.ts';
import { syscallNumber } from '../src/sensors/events/syscalls.ts';
import { type CallSpec, LiveRecorder } from '../src/sensors/live-recorder.ts';
import { RF_FD_TYPE, RF_FLAG } from '../src/sensors/record/layout.gen.ts';
import { act, buildActs } from './guest/acts.ts';
import { liveSkip } from './lib/engine.ts';

const CALLS = ['openat', 'connect', 'unlinkat', 'sendto', 'sendmsg'];
const { errno } = constants;
const PORT = 9;
const TO = '\x02\0\0\x09\x7f\0\0\x01';
const TEXT = 'by socketcall';

const skip = liveSkip() || (process.arch === 'x64' ? false : 'needs x86-64');
const functions = skip || (probe('fentry').why ?? false);
const TIERS = { tracepoint: skip, tp_btf: skip, function: functions } as const;

for (const calls of ['tracepoint', 'tp_btf', 'function'] as const) {
  /** With tracepoints such a call is seen when it begins. */
  const early = calls === 'tracepoint';
  describe(`acts by 32-bit calls, seen by ${calls}`, { skip: TIERS[calls] }, () => {
    let live: LiveRecorder;
    let folder: string;
    let results: Record<string, number>;
    const seen = (name: string): CallSpec[] =>
      live.records.filter(
        (rec): rec is CallSpec =>
          rec.kind === 'call' && rec.nr === syscallNumber(name) && ((rec.flags ?? 0) & RF_FLAG.COMPAT) !== 0,
      );

    before(async () => {
      const built = buildActs();
      folder = join(built.folder, 'here');
      mkdirSync(folder);
      const plan = planCapture([{ events: CALLS, reads: ['buffer'] }]);
      live = new LiveRecorder({}, { capture: plan.capture, tracepoints: plan.tracepoints, calls });
      assert.equal(live.sensor.calls, calls);
      results = act(built.program, 'compat', folder, PORT);
      await live.find('call', (rec) => rec.nr === syscallNumber('sendmsg'));
    });
    after(() => live.close());

    it('an open carries the path, its folder and the file', () => {
      const made = seen('openat').find((rec) => rec.path0 === 'made');
      assert.ok(made);
      assert.ok(results.openat! >= 0);
      assert.equal(made.base0, folder);
      assert.equal(((made.flags ?? 0) & RF_FLAG.NO_RESULT) !== 0, early);
      if (!early) {
        assert.deepEqual([made.ret, made.fdType], [results.openat, RF_FD_TYPE.FILE]);
        assert.equal(made.fdPath, join(folder, 'made'));
      }
      assert.equal(Number(made.args?.[2]) & 0o103, 0o102);
      assert.equal(Number(made.args?.[3]), 0o640);
    });

    it('a failed open carries its errno', () => {
      const missing = seen('openat').find((rec) => rec.path0 === 'missing');
      assert.ok(missing);
      if (!early) assert.equal(missing.ret, -errno.ENOENT);
    });

    it('a removed file carries its path', () => {
      assert.deepEqual(
        seen('unlinkat').map((rec) => [rec.path0, rec.base0, rec.ret ?? 0]),
        [['made', folder, 0]],
      );
    });

    it('a connection carries its address, also within socketcall', () => {
      assert.deepEqual(
        seen('connect').map((rec) => [rec.addr?.slice(0, 8), rec.fdType, rec.ret]),
        [
          [TO, RF_FD_TYPE.IPV4, early ? undefined : results.connect],
          [TO, RF_FD_TYPE.IPV4, early ? undefined : results['socketcall connect']],
        ],
      );
    });

    it('a message carries its address and its first bytes', () => {
      for (const call of ['sendto', 'sendmsg']) {
        const [rec, ...more] = seen(call);
        assert.deepEqual(more, []);
        assert.equal(rec?.addr?.slice(0, 8), TO, call);
        if (!early) assert.deepEqual([rec?.data, rec?.ret], [TEXT, TEXT.length], call);
      }
    });
  });
}

it('where the program for them is left out they pass unseen, and other calls do not', { skip }, async () => {
  const { folder, program } = buildActs();
  const { capture, tracepoints } = planCapture([{ events: CALLS, reads: ['buffer'] }]);
  const live = new LiveRecorder({}, { capture, tracepoints, calls: 'tracepoint', compatCalls: false });
  try {
    act(program, 'compat', mkdtempSync(join(folder, 'here-')), PORT);
    assert.throws(() => readFileSync(join(folder, 'afterwards')));
    await live.find('call', (rec) => String(rec.path0).endsWith('/afterwards'));
    assert.deepEqual(
      live.records.filter((rec) => ((rec.flags ?? 0) & RF_FLAG.COMPAT) !== 0),
      [],
    );
  } finally {
    live.close();
  }
});
