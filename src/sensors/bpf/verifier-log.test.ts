import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { verifierSummary } from './verifier-log.ts';

describe('verifierSummary', () => {
  it('keeps the program, the last source lines and the verdict', () => {
    const summary = verifierSummary([
      "libbpf: prog 'rf_exec': BPF program load failed: Permission denied",
      "libbpf: prog 'rf_exec': -- BEGIN PROG LOAD LOG --",
      ...Array.from({ length: 500 }, (_, i) => `${i}: (b7) r1 = ${i}`),
      '; s->len = 0;',
      '500: (63) *(u32 *)(r0 +4) = r1',
      "R0 invalid mem access 'map_value_or_null'",
      'processed 12 insns (limit 1000000) max_states_per_insn 0',
      '-- END PROG LOAD LOG --',
      'libbpf: failed to load object',
    ]);
    const lines = summary.split('\n');
    assert.ok(lines.length <= 8);
    assert.match(lines[0]!, /rf_exec/);
    assert.ok(summary.includes('; s->len = 0;'));
    assert.equal(lines.at(-1), "R0 invalid mem access 'map_value_or_null'");
  });

  it('falls back to the messages when there is no verifier log', () => {
    assert.equal(
      verifierSummary(['libbpf: failed to find kernel BTF', '']),
      'libbpf: failed to find kernel BTF',
    );
  });
});
