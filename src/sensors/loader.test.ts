import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import { AppError, EXIT } from '../engine/core/diagnostic.ts';
import { Btf, elfSection } from './bpf/btf.ts';
import { native } from './bpf/libbpf.ts';
import { encodeCapture } from './calls/capture.ts';
import { loadObject, prebuiltObject, slotCount } from './loader.ts';
import { ABI_HASH, STRUCTS } from './record/layout.gen.ts';
import { abiHash, readLayout } from './record/layout.ts';

const root = process.getuid?.() === 0;
const dir = fs.mkdtempSync(path.join(os.tmpdir(), 'rf-loader-'));
after(() => fs.rmSync(dir, { recursive: true }));

const options = { programs: new Set(['rf_exit']), ringBytes: 1 << 16, priorityRingBytes: 1 << 16 };

function codeOf(code: string): (error: unknown) => boolean {
  return (error) => error instanceof AppError && error.code === code && (error.help ?? '').length > 0;
}

describe('loadObject', () => {
  it('refuses an object whose records are laid out differently', () => {
    const elf = fs.readFileSync(prebuiltObject());
    const other = path.join(dir, 'other.o');
    const at = elf.indexOf('\0loginuid\0');
    assert.ok(at > 0);
    elf.write('loginuix', at + 1);
    fs.writeFileSync(other, elf);
    assert.throws(() => loadObject({ ...options, objectPath: other }), codeOf('sensor/abi'));
  });

  it('says what to do without permission', { skip: root ? false : 'needs root to give it up' }, () => {
    const elf = path.join(dir, 'readable.o');
    fs.copyFileSync(prebuiltObject(), elf);
    fs.chmodSync(dir, 0o755);
    fs.chmodSync(elf, 0o644);
    process.seteuid?.(65534);
    try {
      assert.throws(
        () => loadObject({ ...options, objectPath: elf }),
        (error) =>
          codeOf('sensor/not-permitted')(error) && (error as AppError).exitCode === EXIT.notPermitted,
      );
    } finally {
      process.seteuid?.(0);
    }
  });

  const loadIn = (namespace: readonly string[]) => {
    const loader = new URL(import.meta.url.replace('.test.', '.')).href;
    const script = `import { loadObject } from '${loader}';
      loadObject({ programs: new Set(), ringBytes: 1 << 16, priorityRingBytes: 1 << 16 });`;
    const node = [...process.execArgv, '--input-type=module', '-e', script];
    const { status, stderr } = spawnSync('unshare', [...namespace, process.execPath, ...node]);
    assert.equal(status, 1);
    return stderr.toString();
  };
  const own = { skip: root ? false : 'needs root to make one' };

  it('says what to do in a PID namespace of its own', own, () => {
    const text = loadIn(['-pf', '--mount-proc']);
    assert.match(text, /PID namespace of its own[\s\S]*sensor\/pid-namespace[\s\S]*--pid=host/);
  });

  it('says what to do in a time namespace with clocks of its own', own, () => {
    const text = loadIn(['--time', '--boottime', '1000', '--fork']);
    assert.match(text, /clocks of its own[\s\S]*sensor\/time-namespace/);
  });

  const load = { skip: root ? false : 'needs root to load BPF programs' };

  it('says why the kernel refuses a program beside this thread, and loads the others', load, async () => {
    const elf = fs.readFileSync(prebuiltObject());
    elfSection(elf, 'tp_btf/sched_process_exit')!.writeUInt8(0xff);
    const objectPath = path.join(dir, 'refused.o');
    fs.writeFileSync(objectPath, elf);
    const object = loadObject({ ...options, programs: new Set(), objectPath });
    try {
      await assert.rejects(
        object.addLater(['rf_exit', 'rf_fork'], 2),
        (error) => codeOf('sensor/load')(error) && /rf_exit[\s\S]*opcode/.test((error as Error).message),
      );
      assert.throws(() => object.attach('rf_exit'), /before it is loaded/);
      assert.ok(object.programFd('rf_fork') >= 0);
    } finally {
      object.close();
    }
  });

  it('sets constants and map sizes', { skip: root ? false : 'needs root to load BPF programs' }, () => {
    const object = loadObject(options);
    try {
      assert.equal(object.map('events').maxEntries, 1 << 16);
      assert.equal(object.map('slots').maxEntries, slotCount(native().possibleCpus()));
      assert.throws(() => object.map('capture').lookup(Buffer.alloc(3)), RangeError);
      const row = encodeCapture({ flags: 8 });
      object.map('capture').update(Buffer.from([7, 0, 0, 0]), row);
      assert.deepEqual(object.map('capture').lookup(Buffer.from([7, 0, 0, 0])), row);
      assert.throws(() => object.map('no such map'), /no map/);
    } finally {
      object.close();
    }
  });
});

describe('prebuilt objects', () => {
  for (const arch of ['x86_64', 'arm64']) {
    it(`the one for ${arch} has the records of this build`, () => {
      const elf = fs.readFileSync(path.join(path.dirname(prebuiltObject()), `ringfence.${arch}.bpf.o`));
      assert.equal(abiHash(readLayout(Btf.ofObject(elf))), ABI_HASH);
    });
  }
});

describe('encodeCapture', () => {
  it('marks what is left out as none', () => {
    const row = encodeCapture({ path: [1], flags: 0 });
    const at = (name: string): number =>
      row.readInt8(STRUCTS.rf_capture.fields.find((f) => f.name === name)!.offset);
    assert.equal(at('path'), 1);
    assert.equal(at('dirfd'), -1);
    assert.equal(at('fd'), -1);
    assert.equal(at('data'), -1);
  });
});

describe('slotCount', () => {
  it('is a power of two of at least twice the CPUs', () => {
    for (const cpus of [1, 2, 9, 64, 200]) {
      const slots = slotCount(cpus);
      assert.ok(slots >= cpus * 2 && (slots & (slots - 1)) === 0);
    }
  });
});
