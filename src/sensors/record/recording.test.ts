import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { AppError } from '../../engine/core/diagnostic.ts';
import { buildRecord, recordOf } from './build-record.ts';
import type { ExecRec } from './record.gen.ts';
import { type RecordingEnd, RecordingWriter, readRecording } from './recording.ts';

const HEADER = {
  arch: 'x64',
  hostname: 'h',
  bootId: 'b',
  kernel: 'k',
  clockOffset: '5',
  accounts: { passwd: 'root:x:0:0::/root:/bin/sh', group: '' },
};

function write(path: string, count: number): void {
  const writer = new RecordingWriter(path, HEADER);
  writer.process(buildRecord({ kind: 'exec', pid: 1, exe: '/sbin/init' }));
  for (let i = 0; i < count; i++)
    writer.record(recordOf({ kind: 'exec', pid: 2, seq: i, exe: 'x'.repeat(i % 300) }));
  writer.loss({ count: 3 });
  writer.close();
}

interface Read extends RecordingEnd {
  readonly seqs: number[];
  readonly hosts: string[];
  readonly processes: (string | undefined)[];
  readonly losses: unknown[];
}

function read(path: string): Read {
  const [seqs, hosts, processes, losses]: [number[], string[], (string | undefined)[], unknown[]] = [
    [],
    [],
    [],
    [],
  ];
  const end = readRecording(path, {
    header: (header) => void hosts.push(header.hostname),
    process: (rec) => void processes.push((rec as ExecRec).exe),
    record: (rec) => void seqs.push(Number(rec.seq)),
    loss: (loss) => void losses.push(loss),
  });
  return { ...end, seqs, hosts, processes, losses };
}

function inFolder(body: (path: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'ringfence-recording-'));
  try {
    body(join(folder, 'r'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('a recording gives back its header, processes, records and losses, over many blocks', () => {
  inFolder((path) => {
    write(path, 20_000);
    const { seqs, ...rest } = read(path);
    assert.deepEqual(rest, {
      hosts: ['h'],
      processes: ['/sbin/init'],
      losses: [{ count: 3 }],
      records: 20_000,
      damaged: 0,
      truncated: false,
    });
    assert.ok(seqs.every((seq, i) => seq === i));
  });
});

test('a recording that is cut off anywhere gives its whole chunks and says that it is cut off', () => {
  inFolder((path) => {
    write(path, 50);
    const size = readFileSync(path).length;
    for (let at = size - 1; at > 600; at -= 37) {
      truncateSync(path, at);
      const { seqs, truncated } = read(path);
      assert.ok(truncated);
      assert.ok(seqs.every((seq, i) => seq === i));
    }
  });
});

test('damage never makes the reader fail in any other way than with its own error', () => {
  inFolder((path) => {
    write(path, 20);
    const good = readFileSync(path);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255)), { minLength: 1, maxLength: 8 }),
        (edits) => {
          const bad = Buffer.from(good);
          for (const [at, value] of edits) bad[at] = value;
          writeFileSync(path, bad);
          try {
            read(path);
          } catch (error) {
            if (!(error instanceof AppError)) throw error;
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

test('a file that is no recording, or of another layout, is refused by name', () => {
  inFolder((path) => {
    writeFileSync(path, 'something else altogether');
    assert.throws(() => read(path), /is not a recording/);
    rmSync(path);
    write(path, 1);
    const bytes = readFileSync(path);
    bytes.write('0000', bytes.indexOf('"abi":"') + 7);
    writeFileSync(path, bytes);
    assert.throws(() => read(path), /layout 0000/);
  });
});

test('a recording is not written over a file that is there', () => {
  inFolder((path) => {
    write(path, 1);
    assert.throws(() => write(path, 1), /EEXIST/);
  });
});
