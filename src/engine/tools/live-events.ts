import { type OnDemand, planCapture } from '../../sensors/calls/capture-plan.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import type { AnyRec } from '../../sensors/record/record.gen.ts';
import { KernelSensor, type SensorStats } from '../../sensors/sensor.ts';
import { Enricher } from '../enrich/enricher.ts';
import type { Event } from '../enrich/event.ts';

export interface LiveEventsOptions {
  /** Codes of the events to see. */
  readonly codes: ReadonlySet<number>;
  /** What is read of them that the kernel copies on demand. */
  readonly reads: Iterable<OnDemand>;
  readonly onEvent: (event: Event) => void;
  readonly onLoss: (count: number) => void;
  readonly onError: (error: unknown) => void;
}

/** Enriched events of this host in this thread, without rules. Returns what ends it. */
export function watchEvents(options: LiveEventsOptions): { stop: () => SensorStats } {
  const { codes } = options;
  const events = [...codes].map((code) => EVENT_NAMES.names[code] ?? '');
  const plan = planCapture([{ events, reads: options.reads }]);
  const sensor = KernelSensor.open({
    capture: plan.capture,
    tracepoints: plan.tracepoints,
    lifecycle: true,
    ignorePid: process.pid,
  });
  const enricher = new Enricher(plan.wants);
  sensor.start({
    record: (rec: AnyRec) => {
      const event = enricher.apply(rec);
      if (event && codes.has(event.code)) options.onEvent(event);
    },
    batchEnd: () => {},
    loss: (loss) => options.onLoss(loss.count),
    failed: options.onError,
  });
  enricher.warmStart();
  return {
    stop: () => {
      const stats = sensor.stats();
      sensor.close();
      return stats;
    },
  };
}
