import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { METRICS, type MetricKey, type MetricSink, type MetricSpec } from './metrics.ts';

/** How often the lag of the event loop is measured: each time wakes the main thread. */
const LAG_MS = 500;

type Instrument = Counter | Gauge | Histogram;

function build(spec: MetricSpec, registry: Registry): Instrument {
  const config = { name: spec.name, help: spec.help, labelNames: [...spec.labels], registers: [registry] };
  if (spec.type === 'counter') return new Counter(config);
  if (spec.type === 'gauge') return new Gauge(config);
  return new Histogram({ ...config, buckets: [...(spec.buckets ?? [])] });
}

/** One figure as plain data, for `ringfence status` and the read-only API. */
export interface Figure {
  readonly name: string;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly value: number;
}

/**
 * The metrics of the process that serves them, in Prometheus' text form. A row of the table is published from its first
 * use on: a gauge that nobody sets would say 0, which means something.
 */
export class MetricsRegistry implements MetricSink {
  readonly #registry = new Registry();
  readonly #instruments = new Map<MetricKey, Instrument>();

  constructor(options: { processMetrics?: boolean } = {}) {
    if (options.processMetrics)
      collectDefaultMetrics({
        register: this.#registry,
        prefix: 'ringfence_',
        eventLoopMonitoringPrecision: LAG_MS,
      });
  }

  add(key: MetricKey, labels: readonly string[], n = 1): void {
    const metric = this.#instrument(key);
    if (metric instanceof Counter) metric.inc(labelsOf(key, labels), n);
  }

  set(key: MetricKey, labels: readonly string[], value: number): void {
    const metric = this.#instrument(key);
    if (metric instanceof Gauge) metric.set(labelsOf(key, labels), value);
  }

  observe(key: MetricKey, labels: readonly string[], value: number): void {
    const metric = this.#instrument(key);
    if (metric instanceof Histogram) metric.observe(labelsOf(key, labels), value);
  }

  #instrument(key: MetricKey): Instrument {
    let instrument = this.#instruments.get(key);
    if (instrument === undefined) {
      instrument = build(METRICS[key], this.#registry);
      this.#instruments.set(key, instrument);
    }
    return instrument;
  }

  /** Prometheus text exposition. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** All counters and gauges that have a value. */
  async figures(): Promise<Figure[]> {
    const out: Figure[] = [];
    for (const metric of await this.#registry.getMetricsAsJSON()) {
      for (const { labels, value } of metric.values as { labels: Figure['labels']; value: number }[]) {
        if (String(metric.type) !== 'histogram') out.push({ name: metric.name, labels, value });
      }
    }
    return out;
  }
}

function labelsOf(key: MetricKey, values: readonly string[]): Record<string, string> {
  const names = METRICS[key].labels;
  return Object.fromEntries(names.map((name, i) => [name, values[i] ?? '']));
}
