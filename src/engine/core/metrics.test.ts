import assert from 'node:assert/strict';
import { test } from 'node:test';
import { applyMetrics, METRICS, MetricBuffer } from './metrics.ts';
import { MetricsRegistry } from './metrics-registry.ts';

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
