import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scenariosPage } from './scenarios-page.ts';

test('the page has a line a scenario and a column a kernel', () => {
  const tests = (...error: string[]): { name: string; error?: string }[] => [
    { name: 'file' },
    { name: 'file › one' },
    { name: 'file › a | b', ...(error[0] === undefined ? {} : { error: error[0] }) },
  ];
  const skipped = { name: 'file › two', skip: 'needs podman' };
  const page = scenariosPage([
    { kernel: '6.1', report: { tests: [...tests('broke'), skipped], complete: true, output: '' } },
    { kernel: '6.12', report: { tests: tests(), complete: true, output: '' } },
  ]);
  assert.match(page, /\n- 6\.1: 1 hold, 1 fail, 1 skipped\n- 6\.12: 2 hold, 0 fail, 0 skipped\n/);
  assert.match(page, /\nSkipped: needs podman\.\n/);
  const table = page.slice(page.indexOf('| scenario')).trim().split('\n');
  assert.deepEqual(table, [
    '| scenario | 6.1 | 6.12 |',
    '|---|---|---|',
    '| file › one | yes | yes |',
    '| file › a \\| b | **fails** | yes |',
    '| file › two | skipped | – |',
  ]);
});
