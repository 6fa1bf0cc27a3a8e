import assert from 'node:assert/strict';
import { test } from 'node:test';
import { takes32Bit } from './call-programs.ts';

test('a kernel takes 32-bit calls unless its command line says otherwise last', () => {
  assert.equal(takes32Bit('quiet ro'), true);
  assert.equal(takes32Bit('ia32_emulation=off quiet'), false);
  assert.equal(takes32Bit('quiet ia32_emulation=0\n'), false);
  assert.equal(takes32Bit('ia32_emulation=no ia32_emulation=on'), true);
  assert.equal(takes32Bit('not_ia32_emulation=off'), true);
});
