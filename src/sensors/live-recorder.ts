import { setTimeout as sleep } from 'node:timers/promises';
import type { CaptureRow } from './calls/capture.ts';
import { syscallNumber } from './events/syscalls.ts';
import { type RecordSpec, specOf } from './record/build-record.ts';
import { RF_CAPTURE_FLAG } from './record/layout.gen.ts';
import { type AnyRec, ForkRec } from './record/record.gen.ts';
import { KernelSensor, type Loss, type SensorOptions } from './sensor.ts';

export type CallSpec = Extract<RecordSpec, { kind: 'call' }>;
export type ExecSpec = Extract<RecordSpec, { kind: 'exec' }>;
export type ForkSpec = Extract<RecordSpec, { kind: 'fork' }>;
export type ExitSpec = Extract<RecordSpec, { kind: 'exit' }>;

const ALL = RF_CAPTURE_FLAG.OK | RF_CAPTURE_FLAG.FAILED;
const WAIT_MS = 5000;

/** For tests: a sensor whose records are kept as plain objects, those of this process and of its descendants. */
export class LiveRecorder {
  readonly sensor: KernelSensor;
  readonly records: RecordSpec[] = [];
  readonly losses: Loss[] = [];
  readonly errors: unknown[] = [];
  /** How many of `sensor.makeCanary`'s calls have come back. */
  canaries = 0;
  readonly #family = new Set([process.pid]);

  constructor(
    rows: Readonly<Record<string, Omit<CaptureRow, 'flags'> & { flags?: number }>>,
    options: Partial<SensorOptions> = {},
  ) {
    const capture = new Map<number, CaptureRow>();
    for (const [name, row] of Object.entries(rows)) {
      const nr = syscallNumber(name);
      if (nr !== undefined) capture.set(nr, { ...row, flags: row.flags ?? ALL });
    }
    this.sensor = KernelSensor.open({
      capture,
      tracepoints: Object.keys(rows).filter((name) => syscallNumber(name) !== undefined),
      lifecycle: true,
      ringBytes: 64 << 20,
      ...options,
    });
    this.sensor.start({
      record: (rec) => this.#keep(rec),
      batchEnd: () => {},
      loss: (loss) => this.losses.push(loss),
      failed: (error) => this.errors.push(error),
      canary: () => void this.canaries++,
    });
  }

  /** The records of `kind` that pass, once there are `count` of them. */
  async find<K extends RecordSpec['kind']>(
    kind: K,
    test: (rec: Extract<RecordSpec, { kind: K }>) => boolean,
    count = 1,
  ): Promise<Extract<RecordSpec, { kind: K }>[]> {
    type Rec = Extract<RecordSpec, { kind: K }>;
    const end = Date.now() + WAIT_MS;
    for (;;) {
      const found = this.records.filter((rec): rec is Rec => rec.kind === kind && test(rec as Rec));
      if (found.length >= count || Date.now() > end) return found;
      await sleep(5);
    }
  }

  /** The machine does other things meanwhile, sometimes very many. */
  #keep(rec: AnyRec): void {
    if (!this.#family.has(rec.pid)) return;
    if (rec instanceof ForkRec) this.#family.add(rec.childPid);
    this.records.push(specOf(rec));
  }

  close(): void {
    this.sensor.close();
  }
}
