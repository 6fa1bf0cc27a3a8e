import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { planCapture } from '../../src/sensors/calls/capture-plan.ts';
import { syscallNumber } from '../../src/sensors/events/syscalls.ts';
import { type CallSpec, LiveRecorder } from '../../src/sensors/live-recorder.ts';
import { RF_FD_TYPE, RF_FLAG } from '../../src/sensors/record/layout.gen.ts';
import { act, buildActs } from './acts.ts';

const CALLS = [
  'openat',
  'connect',
  'sendmsg',
  'linkat',
  'symlinkat',
  'renameat2',
  'mkdirat',
  'unlinkat',
  'socket',
];
const { errno } = constants;
const PORT = 9;
const TO = `\x02\0\0\x09\x7f\0\0\x01`;

for (const how of ['uring', 'async'] as const) {
  describe(`acts done by io_uring (${how})`, () => {
    let live: LiveRecorder;
    let folder: string;
    let results: Record<string, number>;
    const seen = async (name: string, test: (rec: CallSpec) => boolean = () => true): Promise<CallSpec> => {
      const nr = syscallNumber(name);
      const [rec] = await live.find(
        'call',
        (r) => r.nr === nr && ((r.flags ?? 0) & RF_FLAG.IO_URING) !== 0 && test(r),
      );
      assert.ok(rec, `no record of ${name}`);
      return rec;
    };

    before(() => {
      const built = buildActs();
      folder = join(built.folder, 'here');
      mkdirSync(folder);
      const plan = planCapture([{ events: CALLS, reads: ['buffer'] }]);
      live = new LiveRecorder({}, { capture: plan.capture, tracepoints: plan.tracepoints });
      assert.equal(live.sensor.calls, 'function');
      assert.deepEqual(live.sensor.unavailable, []);
      results = act(built.program, how, folder, PORT);
    });
    after(() => live.close());

    it('an open carries the path, its folder and the file', async () => {
      const rec = await seen('openat', (r) => r.path0 === 'made');
      assert.ok(results.openat! >= 0);
      assert.equal(rec.base0, folder);
      assert.equal(rec.fdPath, join(folder, 'made'));
      assert.equal(rec.fdType, RF_FD_TYPE.FILE);
      assert.equal(Number(rec.args?.[2]) & 0o103, 0o102);
      assert.equal(Number(rec.args?.[3]), 0o640);
    });

    it('a failed open carries its errno', async () => {
      const rec = await seen('openat', (r) => r.path0 === 'missing');
      assert.equal(rec.ret, results.missing);
      assert.equal((rec.flags ?? 0) & RF_FLAG.NO_RESULT, 0);
    });

    it('one that is done at the end of another call is seen, too', async () => {
      assert.ok(results.later! >= 0);
      const rec = await seen('openat', (r) => r.path0 === 'later');
      assert.equal(rec.fdPath, join(folder, 'later'));
    });

    it('a connect carries the address and the result', async () => {
      const rec = await seen('connect');
      assert.equal(rec.addr?.slice(0, 8), TO);
      assert.equal(rec.fdType, RF_FD_TYPE.IPV4);
      // io_uring asks without waiting, and waits elsewhere.
      assert.ok(rec.ret === -errno.ECONNREFUSED || rec.ret === -errno.EINPROGRESS, `${rec.ret}`);
    });

    it('a removed file carries its path', async () => {
      const rec = await seen('unlinkat', (r) => r.path0 === 'moved');
      assert.equal(rec.base0, folder);
    });

    it('a message carries the address it is sent to', async () => {
      const rec = await seen('sendmsg');
      assert.equal(rec.addr?.slice(0, 8), TO);
      assert.equal(rec.fdProto, 17);
    });

    it('links, renames and folders carry both names', async () => {
      const link = await seen('linkat');
      assert.deepEqual([link.path0, link.path1, link.base1], ['made', 'hard', folder]);
      const soft = await seen('symlinkat');
      assert.deepEqual([soft.path0, soft.path1], ['made', 'soft']);
      const moved = await seen('renameat2');
      assert.deepEqual([moved.path0, moved.path1, moved.base0], ['hard', 'moved', folder]);
      const made = await seen('mkdirat');
      assert.deepEqual([made.path0, Number(made.args?.[2])], ['folder', 0o750]);
      const gone = await seen('unlinkat', (r) => r.path0 === 'folder');
      assert.equal(Number(gone.args?.[2]), 0x200);
    });

    it('a socket carries its family', async () => {
      const rec = await seen('socket');
      assert.equal(Number(rec.args?.[0]), 2);
      assert.equal(rec.fdProto, 6);
    });
  });
}
