import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { query } from '../src/outputs/audit/query.ts';
import { AuditStore } from '../src/outputs/audit/store.ts';
import { sampleEntries, writerOptions } from '../src/outputs/audit/testing.ts';
import { verifyFolder } from '../src/outputs/audit/verify.ts';

/**
 * The audit on a real disk: rows/s in groups, latency of one row at a time, and what verifying and searching cost.
 * Run with `node dist/bench/audit.bench.js [rows]`; it takes some seconds.
 */
const rows = Number(process.argv[2] ?? 20_000);
const folder = mkdtempSync(join(tmpdir(), 'ringfence-bench-'));

function quantile(sorted: readonly number[], q: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] ?? 0).toFixed(2);
}

async function measure(sync: 'full' | 'normal'): Promise<void> {
  const audit = join(folder, sync);
  const timing = { anchorIntervalMs: 0, waitMs: 60_000, maxQueued: rows * 2 };
  const store = await AuditStore.open({ ...writerOptions(audit, { sync }), ...timing });
  const entries = sampleEntries(1, rows);
  const started = performance.now();
  await Promise.all(entries.map((entry) => store.append([entry])));
  const seconds = (performance.now() - started) / 1000;
  const { commits } = store.stats();
  print(`${sync}: ${Math.round(rows / seconds)} rows/s in groups of ${Math.round(rows / commits)}`);
  const single: number[] = [];
  for (const entry of sampleEntries(rows + 1, rows + 200)) {
    const from = performance.now();
    await store.append([entry]);
    single.push(performance.now() - from);
  }
  single.sort((a, b) => a - b);
  print(`${sync}: one at a time p50 ${quantile(single, 0.5)} ms, p99 ${quantile(single, 0.99)} ms`);
  const busy: number[] = [];
  await Promise.all(Array.from({ length: 16 }, (_, k) => steady(store, rows * 2 + k * 100, busy)));
  busy.sort((a, b) => a - b);
  print(`${sync}: 16 callers at once p50 ${quantile(busy, 0.5)} ms, p99 ${quantile(busy, 0.99)} ms`);
  await store.close();
}

async function steady(store: AuditStore, first: number, latencies: number[]): Promise<void> {
  for (const entry of sampleEntries(first, first + 49)) {
    const from = performance.now();
    await store.append([entry]);
    latencies.push(performance.now() - from);
  }
}

function reading(): void {
  const audit = join(folder, 'full');
  let started = performance.now();
  const report = verifyFolder(audit);
  print(
    `verify: ${Math.round(report.rows / ((performance.now() - started) / 1000))} rows/s, ok=${report.ok}`,
  );
  started = performance.now();
  const found = [...query(audit, { text: `n=${rows})` })].length;
  print(
    `search for a text: ${Math.round(report.rows / ((performance.now() - started) / 1000))} rows/s, ${found} found`,
  );
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

try {
  await measure('full');
  await measure('normal');
  reading();
} finally {
  rmSync(folder, { recursive: true });
}
