import assert from 'node:assert/strict';
import { execFile, execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, it, type TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { CAPTURE_RET, type CaptureRow } from './calls/capture.ts';
import { syscallNumber } from './events/syscalls.ts';
import { RF_CAPTURE_FLAG } from './record/layout.gen.ts';
import { KernelSensor, type Loss, type SensorOptions } from './sensor.ts';
import { takeSlots } from './testing/slots.ts';

const skip = process.getuid?.() !== 0 ? 'needs root to load BPF programs' : false;
const OPENAT = syscallNumber('openat')!;
const row: CaptureRow = {
  path: [1],
  dirfd: [0],
  fd: CAPTURE_RET,
  flags: RF_CAPTURE_FLAG.OK | RF_CAPTURE_FLAG.FAILED,
};

/** Opens so many times a file that is there, in a process of its own. */
const opener = (count: number): [string, string[]] => [
  'perl',
  ['-e', `for (1..${count}) { open(F, "<", "/etc/hostname"); close(F); }`],
];

interface Seen {
  opens: number;
  lifecycle: { kind: number; pid: number }[];
  losses: Loss[];
  errors: unknown[];
}

/** A sensor that is closed with the test, whatever becomes of it: an open one keeps the process alive. */
function startSensor(t: TestContext, options: Partial<SensorOptions>): { sensor: KernelSensor; seen: Seen } {
  const sensor = KernelSensor.open({
    capture: new Map([[OPENAT, row]]),
    tracepoints: ['openat'],
    lifecycle: true,
    ...options,
  });
  t.after(() => sensor.close());
  const seen: Seen = { opens: 0, lifecycle: [], losses: [], errors: [] };
  sensor.start({
    record: (rec) => {
      if (rec.kind === 1) seen.opens++;
      else seen.lifecycle.push({ kind: rec.kind, pid: rec.kind === 3 ? rec.childPid : rec.pid });
    },
    batchEnd: () => {},
    loss: (loss) => seen.losses.push(loss),
    failed: (error) => seen.errors.push(error),
  });
  return { sensor, seen };
}

describe('losses', { skip }, () => {
  it('every record that found no room is counted and reported, and lifecycle is not lost with it', async (t) => {
    const { sensor, seen } = startSensor(t, { ringBytes: 64 << 10 });
    // Blocks this thread, so that nobody reads the ring.
    const child = spawnSync(...opener(5000));
    const end = Date.now() + 5000;
    const lost = (): number => seen.losses.reduce((sum, loss) => sum + loss.count, 0);
    while (lost() < sensor.stats().lostRing && Date.now() < end) await sleep(50);
    const stats = sensor.stats();
    assert.ok(stats.lostRing > 3000, `${stats.lostRing} lost`);
    assert.ok(stats.lostRing + seen.opens >= 5000);
    assert.equal(lost(), stats.lostRing);
    assert.equal(stats.lostPriority + stats.lostSlot, 0);
    assert.ok(seen.losses.every((loss) => loss.reason === 'ring_full' && loss.ring === 'events'));
    assert.ok(seen.losses.every((loss) => loss.from <= loss.to));
    assert.deepEqual(
      [3, 2, 4].map((kind) => seen.lifecycle.some((rec) => rec.kind === kind && rec.pid === child.pid)),
      [true, true, true],
    );
  });

  it('each loss is told by its own reason, whatever was lost before', async (t) => {
    const { sensor, seen } = startSensor(t, { ringBytes: 64 << 10 });
    const all = async (): Promise<void> => {
      const count = (reason: string): number =>
        seen.losses.reduce((sum, loss) => sum + (loss.reason === reason ? loss.count : 0), 0);
      const told = (): number[] => [count('ring_full'), count('no_slot')];
      const counted = (): number[] => [sensor.stats().lostRing, sensor.stats().lostSlot];
      const end = Date.now() + 5000;
      while (told().join() !== counted().join() && Date.now() < end) await sleep(50);
      assert.deepEqual(told(), counted());
    };
    spawnSync(...opener(5000));
    await all();
    takeSlots(sensor.object, true);
    spawnSync(...opener(50));
    takeSlots(sensor.object, false);
    await all();
    assert.ok(sensor.stats().lostRing > 3000 && sensor.stats().lostSlot > 50);
  });

  it('100,000 opens in a row lose nothing with the default ring', async (t) => {
    const { sensor, seen } = startSensor(t, {});
    await promisify(execFile)(...opener(100_000));
    await sleep(300);
    const stats = sensor.stats();
    assert.ok(seen.opens >= 100_000);
    assert.equal(stats.lostRing + stats.lostPriority + stats.lostSlot, 0);
    assert.deepEqual(seen.losses, []);
  });

  it('a storm of forks is seen whole', async (t) => {
    const { sensor, seen } = startSensor(t, {});
    const pids = new Set<number>();
    const script =
      'my @p; for (1..3000) { my $p = fork; exit if !$p; push @p, $p; wait if $_ % 8 == 0; } print "@p"';
    const { stdout } = await promisify(execFile)('perl', ['-e', script]);
    for (const pid of stdout.split(' ')) pids.add(Number(pid));
    await sleep(300);
    for (const kind of [3, 4]) {
      const found = new Set(seen.lifecycle.filter((rec) => rec.kind === kind).map((rec) => rec.pid));
      assert.equal([...pids].filter((pid) => !found.has(pid)).length, 0, `kind ${kind}`);
    }
    assert.equal(sensor.stats().lostPriority, 0);
  });

  it('a handler that throws loses only its own record', async (t) => {
    const sensor = KernelSensor.open({ capture: new Map(), tracepoints: [], lifecycle: true });
    t.after(() => sensor.close());
    const errors: unknown[] = [];
    let records = 0;
    sensor.start({
      record: () => {
        records++;
        throw new Error('from the handler');
      },
      batchEnd: () => {
        throw new Error('from the end of the batch');
      },
      loss: () => {},
      failed: (error) => errors.push(error),
    });
    for (let i = 0; i < 3; i++) {
      execFileSync('/bin/true');
      await sleep(30);
    }
    assert.ok(records >= 9);
    assert.ok(errors.length > records);
    const cpu = process.cpuUsage();
    await sleep(200);
    const used = process.cpuUsage(cpu);
    assert.ok(used.user + used.system < 150_000, 'the event loop spins');
  });

  it('closing under load leaves nothing behind and touches no unmapped memory', async (t) => {
    const load = execFile(...opener(1_000_000_000));
    try {
      for (let i = 0; i < 8; i++) {
        const { sensor, seen } = startSensor(t, {
          ringBytes: 1 << 20,
          calls: i % 2 === 0 ? 'tracepoint' : 'tp_btf',
        });
        const end = Date.now() + 5000;
        while (seen.opens === 0 && Date.now() < end) await sleep(20 + i * 5);
        assert.ok(seen.opens > 0);
        sensor.close();
        sensor.close();
        await sleep(0);
      }
    } finally {
      load.kill('SIGKILL');
    }
    await sleep(50);
    const mine = fs.readdirSync('/proc/self/fd').filter((fd) => {
      try {
        return /bpf-|bpf_/.test(fs.readlinkSync(`/proc/self/fd/${fd}`));
      } catch {
        return false;
      }
    });
    assert.deepEqual(mine, []);
  });
});
