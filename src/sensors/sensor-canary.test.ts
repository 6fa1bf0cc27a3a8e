import assert from 'node:assert/strict';
import fs from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { probe } from './bpf/probe.ts';
import { planCapture } from './calls/capture-plan.ts';
import { harmlessCall, harmlessCalls } from './calls/self-call.ts';
import { LiveRecorder } from './live-recorder.ts';

const skip =
  process.getuid?.() !== 0
    ? 'needs root to load BPF programs'
    : fs.existsSync('/sys/kernel/btf/vmlinux')
      ? false
      : 'needs a kernel with BTF';
const functions = skip || (probe('fentry').why ?? false);
const TIERS = { tracepoint: skip, tp_btf: skip, function: functions } as const;

/** Longer than any machine takes; only a canary that stays away waits so long. */
const WAIT_MS = 10_000;

it('the call that serves is the first of those watched', () => {
  assert.equal(harmlessCall(['read', 'connect', 'openat']), 'openat');
  assert.equal(harmlessCall(['read', 'bind']), 'bind');
  assert.equal(harmlessCall(['read']), undefined);
});

for (const calls of ['tracepoint', 'tp_btf', 'function'] as const) {
  describe(`the engine's own acts, calls by ${calls}`, { skip: TIERS[calls] }, () => {
    let live: LiveRecorder;

    before(() => {
      const { capture, tracepoints } = planCapture([{ events: harmlessCalls(), reads: ['buffer'] }]);
      live = new LiveRecorder({}, { capture, tracepoints, calls, ignorePid: process.pid });
      assert.equal(live.sensor.calls, calls);
    });
    after(() => live.close());

    for (const call of harmlessCalls()) {
      it(`${call} comes back, once, and as no event`, async () => {
        const [canaries, records] = [live.canaries, live.records.length];
        live.sensor.makeCanary(call);
        for (let waited = 0; waited < WAIT_MS && live.canaries === canaries; waited += 10) await sleep(10);
        live.sensor.drain();
        assert.equal(live.canaries - canaries, 1);
        assert.equal(live.records.length, records);
      });
    }
  });
}
