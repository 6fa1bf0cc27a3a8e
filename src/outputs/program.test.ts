import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { createLog } from '../engine/core/log.ts';
import { testAlert } from './testing/alerts.ts';
import { FAST, openOutputs, testFolder, until } from './testing/open.ts';

test('a program that never ends its line on stderr fills no memory, and what it says is logged in part', async () => {
  const stream = new PassThrough({ encoding: 'utf8' });
  let logged = '';
  stream.on('data', (text: string) => {
    logged += text;
  });
  const log = createLog({ format: 'json', stream });
  const script = 'head -c 300000000 /dev/zero | tr "\\0" x >&2; echo >&2; cat';
  const outputs = await openOutputs({ program: { command: ['sh', '-c', script], ...FAST } }, testFolder(), {
    log,
  });
  const before = process.memoryUsage().rss;
  outputs.emit(testAlert(1));
  await until('the line has ended', () => logged.includes('the program says'));
  const grown = (process.memoryUsage().rss - before) / 2 ** 20;
  await outputs.close(1000);
  assert.ok(grown < 150, `${grown} MB`);
  assert.match(logged, /"line":"x{500}"/);
});
