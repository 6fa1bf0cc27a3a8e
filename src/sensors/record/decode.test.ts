import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { buildRecord, type RecordSpec, recordOf, specOf } from './build-record.ts';
import { Decoder } from './decode.ts';
import { RF_FD_TYPE, RF_KIND, STRUCTS } from './layout.gen.ts';
import { type AnyRec, CallRec, ExecRec, ExitRec, ForkRec } from './record.gen.ts';
import { RecordMemory } from './record-base.ts';

/** Every getter of a flyweight, by walking its prototype chain. */
function getters(rec: AnyRec): string[] {
  const names: string[] = [];
  for (
    let proto = Object.getPrototypeOf(rec);
    proto !== Object.prototype;
    proto = Object.getPrototypeOf(proto)
  ) {
    for (const [name, d] of Object.entries(Object.getOwnPropertyDescriptors(proto))) {
      if (d.get !== undefined) names.push(name);
    }
  }
  return names;
}

function readAll(rec: AnyRec): Record<string, unknown> {
  const values = rec as unknown as Record<string, unknown>;
  return Object.fromEntries(getters(rec).map((name) => [name, values[name]]));
}

const bytes = fc.uint8Array({ maxLength: 300 }).map((b) => Buffer.from(b).toString('latin1'));
const u32 = fc.integer({ min: 0, max: 0xffffffff });
const u64 = fc.bigInt({ min: 0n, max: (1n << 64n) - 1n });

describe('decode', () => {
  it('gives back every member of a call', () => {
    const spec: RecordSpec = {
      kind: 'call',
      nr: 257,
      seq: 2 ** 40 + 5,
      ts: 123456789012345,
      pid: 4711,
      comm: 'cat',
      capEffective: 0x1ffffffffffn,
      ret: -2,
      args: [0xffffff9cn, 0x7ffe00001234n, 0, 0xffffffffffffffffn],
      fdType: RF_FD_TYPE.IPV4,
      fdLaddr: '\x7f\0\0\x01',
      fdPath: '/etc/\xff\xfe',
      path0: 'shadow',
      base0: '/etc',
      fdIno: (1n << 63n) + 1n,
    };
    const rec = recordOf(spec);
    assert.ok(rec instanceof CallRec);
    assert.equal(rec.kind, RF_KIND.CALL);
    assert.equal(rec.seq, 2 ** 40 + 5);
    assert.equal(rec.ts, 123456789012345);
    assert.equal(rec.comm, 'cat');
    assert.equal(rec.capEffective, 0x1ffffffffffn);
    assert.equal(rec.ret, -2);
    assert.equal(rec.argI32(0), -100);
    assert.equal(rec.arg(1), 0x7ffe00001234);
    assert.equal(rec.arg(3), 0xffffffffffffffffn);
    assert.equal(rec.fdLaddr, '\x7f\0\0\x01');
    assert.equal(rec.fdPath, '/etc/\xff\xfe');
    assert.equal(rec.path0, 'shadow');
    assert.equal(rec.path1, undefined);
    assert.equal(rec.fdIno, (1n << 63n) + 1n);
    assert.equal(rec.path0Cut, false);
  });

  it('gives back random members of every kind', () => {
    const spec = fc.oneof(
      fc.record({
        kind: fc.constant('call' as const),
        path0: bytes,
        data: bytes,
        dataCut: fc.boolean(),
        ts: fc.nat(),
        fdIno: u64,
      }),
      fc.record({
        kind: fc.constant('exec' as const),
        args: bytes,
        env: bytes,
        exe: bytes,
        exeCtime: u64,
        tty: u32,
      }),
      fc.record({ kind: fc.constant('fork' as const), cgroupPath: bytes, childPid: u32, uid: u32 }),
      fc.record({ kind: fc.constant('exit' as const), code: u32, cpu: fc.integer({ min: 0, max: 0xffff }) }),
    );
    fc.assert(
      fc.property(spec, (s) => {
        const got = readAll(recordOf(s));
        assert.deepEqual(buildRecord(specOf(recordOf(s))), buildRecord(s));
        for (const [name, value] of Object.entries(s)) {
          if (name === 'kind') continue;
          const back = got[name];
          if (typeof value === 'bigint') assert.equal(BigInt(back as bigint), value, name);
          else assert.deepEqual(back, value, name);
        }
      }),
    );
  });

  it('keeps long texts apart that are alike', () => {
    const texts = ['a', 'b'].flatMap((last) =>
      [255, 256, 257, 600, 608, 5000].map((n) => 'x'.repeat(n - 1) + last),
    );
    for (const text of [...texts, ...texts, ...texts.reverse()]) {
      const rec = recordOf({ kind: 'exec', env: text, args: `${text}y` });
      assert.ok(rec.kind === 2);
      assert.equal(rec.env, text);
      assert.equal(rec.args, `${text}y`);
    }
  });

  it('never reads outside its record, whatever the bytes are', () => {
    const base = fc.constantFrom<RecordSpec>(
      { kind: 'call', path0: 'a/b', fdPath: '/x', data: 'zz', fdType: 4 },
      { kind: 'exec', exe: '/bin/x', args: 'x\0y\0', env: 'A=1\0' },
      { kind: 'fork', cgroupPath: '/a' },
      { kind: 'exit' },
    );
    const edits = fc.array(fc.tuple(fc.nat(400), fc.integer({ min: 0, max: 255 })), { maxLength: 40 });
    fc.assert(
      fc.property(base, edits, fc.nat(64), (spec, changes, drop) => {
        const record = buildRecord(spec);
        for (const [at, value] of changes) if (at > 0 && at < record.length) record[at] = value;
        const length = Math.max(0, record.length - drop);
        // Around the record stands a byte that it cannot hold: seeing it means reading outside.
        const memory = new ArrayBuffer(8 + ((record.length + 7) & ~7) + 0x10000);
        const all = new Uint8Array(memory).fill(0xa5);
        all.set(
          record.map((b) => (b === 0xa5 ? 0 : b)),
          8,
        );
        all.fill(0xa5, 8 + length);
        const rec = new Decoder().at(new RecordMemory(memory), 8, length);
        if (rec === undefined) return;
        for (const [name, value] of Object.entries(readAll(rec))) {
          if (typeof value === 'string') assert.ok(!value.includes('\xa5'), name);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses what is no record', () => {
    const mem = RecordMemory.copyOf(buildRecord({ kind: 'exit' }));
    const decoder = new Decoder();
    const size = STRUCTS.rf_exit.size;
    assert.ok(decoder.at(mem, 0, size) instanceof ExitRec);
    assert.equal(decoder.at(mem, 0, size - 8), undefined);
    assert.equal(decoder.at(mem, 8, size), undefined);
    assert.equal(decoder.at(mem, 4, size - 8), undefined);
    assert.equal(decoder.at(mem, 0, 0), undefined);
    const unknown = buildRecord({ kind: 'exec' });
    unknown[0] = 99;
    assert.equal(decoder.at(RecordMemory.copyOf(unknown), 0, unknown.length), undefined);
    assert.ok(recordOf({ kind: 'exec' }) instanceof ExecRec);
    assert.ok(recordOf({ kind: 'fork' }) instanceof ForkRec);
  });
});
