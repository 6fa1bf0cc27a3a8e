/**
 * THE METRIC TABLE: every figure that Ringfence publishes, by a short key. The docs page and `ringfence list metrics`
 * are made from it; a metric that is not here cannot be counted (the key is typed).
 */
export interface MetricSpec {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  readonly help: string;
  readonly labels: readonly string[];
  readonly buckets?: readonly number[];
}

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1, 5] as const;

const counter = (name: string, help: string, ...labels: string[]): MetricSpec => ({
  name: `ringfence_${name}`,
  type: 'counter',
  help,
  labels,
});
const gauge = (name: string, help: string, ...labels: string[]): MetricSpec => ({
  name: `ringfence_${name}`,
  type: 'gauge',
  help,
  labels,
});
const histogram = (name: string, help: string, ...labels: string[]): MetricSpec => ({
  name: `ringfence_${name}`,
  type: 'histogram',
  help,
  labels,
  buckets: SECONDS,
});

export const METRICS = {
  buildInfo: gauge('build_info', 'Always 1; the labels say what runs.', 'version', 'node', 'kernel'),
  reloadOk: gauge(
    'config_last_reload_successful',
    '1 if the last load of configuration and rules succeeded.',
  ),
  reloadTime: gauge('config_last_reload_timestamp_seconds', 'Time of the last successful load.'),
  events: counter('events_total', 'Events that reached the rules.', 'event'),
  eventsDropped: counter(
    'events_dropped_total',
    'Events not delivered, each counted once.',
    'stage',
    'reason',
  ),
  ringBytes: gauge('ring_bytes', 'Bytes waiting in the ring.', 'ring'),
  ringCapacity: gauge('ring_capacity_bytes', 'Size of the ring.', 'ring'),
  lag: gauge('pipeline_lag_seconds', 'Age of the event evaluated last.'),
  ruleMatches: counter('rule_matches_total', 'Alerts raised.', 'rule', 'priority'),
  rulesLoaded: gauge('rules_loaded', 'Rules in force.'),
  rulesSkipped: gauge('rules_skipped', 'Rules that were given but are not in force (`ringfence status`).'),
  eventsDeferred: counter(
    'events_deferred_total',
    'Events that waited for late container metadata.',
    'outcome',
  ),
  alertLatency: histogram('alert_latency_seconds', 'From the kernel event to the hand-over to outputs.'),
  enforcement: counter(
    'enforcement_total',
    'What the kernel decided, by who (rule, entry, guard) and how (denied, killed, would_deny, observed).',
    'kind',
    'outcome',
  ),
  unjudged: gauge(
    'enforcement_unjudged',
    'Operations that rules may have refused and that went through, by why they could not be judged.',
    'reason',
  ),
  policyGeneration: gauge('policy_generation', 'Generation of the kernel policy in force; 0 = none.'),
  outputAlerts: counter(
    'output_alerts_total',
    'Alerts by what became of them in an output.',
    'output',
    'result',
  ),
  outputDrops: counter('output_drops_total', 'Alerts that an output lost, by cause.', 'output', 'reason'),
  outputQueue: gauge('output_queue_length', 'Alerts waiting in an output.', 'output'),
  outputCapacity: gauge('output_queue_capacity', 'Places in the queue of an output.', 'output'),
  outputSend: histogram('output_send_seconds', 'Time to send one batch.', 'output'),
  canaryOk: gauge('canary_ok', "1 while the engine's own acts come back as events, 0 when they stay away."),
  canaryActs: counter('canary_acts_total', "The engine's own acts, by what became of them.", 'result'),
  processes: gauge('process_table_entries', 'Processes in the process table.'),
  auditRows: counter('audit_rows_total', 'Rows written to the audit store.', 'kind'),
  auditOk: gauge('audit_chain_ok', '0 when the audit was found not to go on where it had ended.'),
  auditWriting: gauge('audit_writing', '1 while rows reach the audit, 0 while they wait for the disk.'),
  errors: counter(
    'errors_total',
    'Errors and warnings in the log, by code; also those that were held back as repeated.',
    'code',
  ),
} as const satisfies Record<string, MetricSpec>;

export type MetricKey = keyof typeof METRICS;

/** Where figures go. Label values in the order of the table. */
export interface MetricSink {
  /** Adds to a counter. */
  add(key: MetricKey, labels: readonly string[], n?: number): void;
  /** Sets a gauge. */
  set(key: MetricKey, labels: readonly string[], value: number): void;
  /** Adds an observation to a histogram. */
  observe(key: MetricKey, labels: readonly string[], value: number): void;
}

/** What one thread counted since the last hand-over, as plain data for `postMessage`. */
export interface MetricDelta {
  readonly add: readonly (readonly [MetricKey, readonly string[], number])[];
  readonly set: readonly (readonly [MetricKey, readonly string[], number])[];
  readonly observe: readonly (readonly [MetricKey, readonly string[], number])[];
}

/** Collects in a thread that has no registry; `take` hands over and starts anew. */
export class MetricBuffer implements MetricSink {
  #add = new Map<string, [MetricKey, readonly string[], number]>();
  #set = new Map<string, [MetricKey, readonly string[], number]>();
  #observe: [MetricKey, readonly string[], number][] = [];

  add(key: MetricKey, labels: readonly string[], n = 1): void {
    const id = `${key}\0${labels.join('\0')}`;
    const entry = this.#add.get(id);
    if (entry) entry[2] += n;
    else this.#add.set(id, [key, labels, n]);
  }

  set(key: MetricKey, labels: readonly string[], value: number): void {
    this.#set.set(`${key}\0${labels.join('\0')}`, [key, labels, value]);
  }

  /** Keeps at most 1000 observations between two hand-overs: a histogram is a sample. */
  observe(key: MetricKey, labels: readonly string[], value: number): void {
    if (this.#observe.length < 1000) this.#observe.push([key, labels, value]);
  }

  take(): MetricDelta {
    const delta = { add: [...this.#add.values()], set: [...this.#set.values()], observe: this.#observe };
    this.#add = new Map();
    this.#set = new Map();
    this.#observe = [];
    return delta;
  }
}

/** Applies what another thread collected. */
export function applyMetrics(sink: MetricSink, delta: MetricDelta): void {
  for (const [key, labels, n] of delta.add) sink.add(key, labels, n);
  for (const [key, labels, value] of delta.set) sink.set(key, labels, value);
  for (const [key, labels, value] of delta.observe) sink.observe(key, labels, value);
}
