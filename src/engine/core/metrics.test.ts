import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { applyMetrics, METRICS, MetricBuffer } from './metrics.ts';
import { MetricsRegistry } from './metrics-registry.ts';
import { PACKAGE_ROOT } from './package.ts';

/** Keys that the sources count, set or observe. */
function keysInSources(): Set<string> {
  const names = readdirSync(join(PACKAGE_ROOT, 'src'), { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => /\.ts$/.test(name) && !/\.test\.ts$|testing/.test(name));
  const texts = files.map((name) => readFileSync(join(PACKAGE_ROOT, 'src', name), 'utf8'));
  const uses = /(?:metrics|sink)\.(?:add|set|observe)\(\s*'(\w+)'/g;
  return new Set(texts.flatMap((text) => [...text.matchAll(uses)].map(([, key = '']) => key)));
}

test('every row of the table is published by the sources', () => {
  assert.deepEqual([...keysInSources()].sort(), Object.keys(METRICS).sort());
});

test('a metric is published from its first use on: nothing says 0 before', async () => {
  const registry = new MetricsRegistry();
  assert.equal((await registry.text()).trim(), '');
  registry.set('auditWriting', [], 0);
  assert.deepEqual(await registry.figures(), [{ name: 'ringfence_audit_writing', labels: {}, value: 0 }]);
  assert.doesNotMatch(await registry.text(), /chain_ok/);
});

test('figures collected in one thread appear in the registry of another, each once', async () => {
  const buffer = new MetricBuffer();
  buffer.add('events', ['openat'], 3);
  buffer.add('events', ['openat']);
  buffer.set('processes', [], 12);
  buffer.observe('alertLatency', [], 0.002);
  const registry = new MetricsRegistry();
  applyMetrics(registry, structuredClone(buffer.take()));
  applyMetrics(registry, structuredClone(buffer.take()));
  const text = await registry.text();
  assert.match(text, /^ringfence_events_total\{event="openat"\} 4$/m);
  assert.match(text, /^ringfence_process_table_entries 12$/m);
  assert.match(text, /^ringfence_alert_latency_seconds_count 1$/m);
});

test('names follow the Prometheus rules: one prefix, counters end in _total, base units', () => {
  for (const spec of Object.values(METRICS)) {
    assert.match(spec.name, /^ringfence_[a-z_]+$/);
    assert.equal(spec.name.endsWith('_total'), spec.type === 'counter', spec.name);
    assert.doesNotMatch(spec.name, /_(ms|ns|mb|kb)(_|$)/);
    assert.ok(spec.help.endsWith('.'), spec.name);
  }
});
