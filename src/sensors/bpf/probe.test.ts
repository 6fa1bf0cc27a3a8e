import assert from 'node:assert/strict';
import fs from 'node:fs';
import { describe, it } from 'node:test';
import { cgroup2Mount, FEATURES, probe, probeAll } from './probe.ts';

const root = process.getuid?.() === 0;

describe('probe', () => {
  it('answers every feature, and says why not', () => {
    const results = probeAll();
    assert.deepEqual(Object.keys(results), FEATURES);
    for (const [name, result] of Object.entries(results)) {
      if (result.answer === 'yes') assert.equal(result.why, undefined, name);
      else assert.ok((result.why ?? '').length > 10, name);
    }
  });

  it('finds what the sensors stand on', { skip: root ? false : 'needs root to load BPF programs' }, () => {
    for (const feature of ['btf', 'ringbuf', 'tracepoint', 'tp_btf'] as const) {
      assert.deepEqual(probe(feature), { answer: 'yes' }, feature);
    }
  });

  it('does not take a missing permission for a missing feature', {
    skip: root ? false : 'needs root to give it up',
  }, () => {
    process.seteuid?.(65534);
    try {
      assert.equal(probe('tp_btf').answer, 'unknown');
      assert.equal(probe('lsm').answer, 'unknown');
      assert.equal(probe('btf').answer, fs.existsSync('/sys/kernel/btf/vmlinux') ? 'yes' : 'no');
    } finally {
      process.seteuid?.(0);
    }
  });
});

describe('cgroup2Mount', () => {
  it('finds the hierarchy in either layout', () => {
    assert.equal(cgroup2Mount('cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n'), '/sys/fs/cgroup');
    assert.equal(
      cgroup2Mount(
        'cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/uni\\040fied cgroup2 rw 0 0\n',
      ),
      '/sys/fs/cgroup/uni fied',
    );
    assert.equal(cgroup2Mount('proc /proc proc rw 0 0\n'), undefined);
  });
});
