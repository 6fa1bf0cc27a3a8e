import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CAPABILITIES, serviceUnit } from './service-unit.ts';

const plain = serviceUnit({ program: '/bin/true', config: undefined, pin: false });

test('the bounding set is the table, and memory protection that V8 cannot live with is not set', () => {
  assert.match(plain, new RegExp(`^CapabilityBoundingSet=${Object.keys(CAPABILITIES).join(' ')}$`, 'm'));
  assert.doesNotMatch(plain, /^MemoryDenyWriteExecute/m);
  assert.match(plain, /^Type=notify$/m);
  assert.doesNotMatch(plain, /^ReadWritePaths/m);
});

test('paths with blanks, quotes, percent and dollar signs reach the command line as they are', () => {
  const unit = serviceUnit({ program: '/opt/a b/%n$x', config: '/etc/"q"\nExecStart=/evil', pin: true });
  assert.match(unit, /^ExecStart="\/opt\/a b\/%%n\$\$x" run --config "\/etc\/\\"q\\"\\nExecStart=\/evil"$/m);
  assert.equal(unit.split('\n').filter((line) => line.startsWith('ExecStart=')).length, 1);
  assert.match(unit, /^ReadWritePaths=\/sys\/fs\/bpf$/m);
});
