import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { noMetrics, silentLog } from '../testing/alerts.ts';
import { Audit } from './audit.ts';
import { folderPerTest } from './testing.ts';

const folder = folderPerTest();
const skip = import.meta.url.endsWith('.ts')
  ? 'needs the compiled tree: threads cannot load TypeScript'
  : false;

test('batches that are written leave nothing in memory', { skip }, async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const used = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const deps = { hostname: 'host1', version: '0.0.0', log: silentLog, metrics: noMetrics };
  const audit = await Audit.open({ path: join(folder(), 'audit') }, deps);
  assert.ok(audit);
  const write = async (batches: number): Promise<void> => {
    for (let n = 0; n < batches; n++) await audit.alerts([]);
  };
  await write(1000);
  const before = used();
  await write(200_000);
  const perBatch = (used() - before) / 200_000;
  assert.ok(perBatch < 8, `${perBatch} bytes a batch stay`);
  await audit.close();
});
