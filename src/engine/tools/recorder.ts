import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import { ON_DEMAND, planCapture } from '../../sensors/calls/capture-plan.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { buildRecord } from '../../sensors/record/build-record.ts';
import { RecordingWriter } from '../../sensors/record/recording.ts';
import { KernelSensor } from '../../sensors/sensor.ts';
import { bootId } from '../core/clock.ts';
import { BootClock } from '../enrich/clock.ts';
import { Enricher } from '../enrich/enricher.ts';
import type { Process } from '../enrich/process.ts';

export interface RecorderOptions {
  readonly path: string;
  /** Events to record. */
  readonly codes: Iterable<number>;
  readonly hostname: string;
  /** The recording grew, or lost something. */
  readonly onProgress: (state: {
    readonly records: number;
    readonly bytes: number;
    readonly lost: number;
  }) => void;
  readonly onError: (error: unknown) => void;
}

/** Records this host's events into a file until the function that it returns is called. */
export function startRecording(options: RecorderOptions): () => void {
  const events = [...options.codes].map((code) => EVENT_NAMES.names[code]!);
  // Every field may be asked for later, so all that can be captured is.
  const plan = planCapture([{ events, reads: ON_DEMAND }]);
  const sensor = KernelSensor.open({
    capture: plan.capture,
    tracepoints: plan.tracepoints,
    lifecycle: true,
    ignorePid: process.pid,
  });
  let writer: RecordingWriter;
  try {
    writer = new RecordingWriter(options.path, header(options.hostname));
  } catch (error) {
    sensor.close();
    throw error;
  }
  let lost = 0;
  sensor.start({
    record: (rec) => writer.record(rec),
    batchEnd: () => options.onProgress({ records: writer.records, bytes: writer.bytes, lost }),
    loss: (loss) => {
      lost += loss.count;
      writer.loss(loss);
    },
    failed: options.onError,
  });
  // The sensors are attached, their records wait: what ran before comes first in the file.
  const enricher = new Enricher();
  enricher.warmStart();
  for (const process of enricher.table.all()) writer.process(describe(process));
  return () => {
    while (sensor.drain() > 0);
    sensor.close();
    enricher.containers.close();
    writer.close();
  };
}

/** A running process as the record of its last exec would have told. */
function describe(process: Process): Uint8Array {
  const { image } = process;
  const argv = (image.argv ?? []).join('\0');
  const optional = {
    ...(image.exepath === undefined ? {} : { exe: image.exepath }),
    ...(argv === '' ? {} : { args: argv.slice(0, 4096) }),
    ...(process.cwd === undefined ? {} : { cwd: process.cwd }),
    ...(process.cgroup === undefined ? {} : { cgroupPath: process.cgroup }),
  };
  return buildRecord({
    kind: 'exec',
    pid: process.pid,
    tid: process.pid,
    ppid: process.ppid,
    vpid: process.vpid,
    start: process.start,
    ts: process.start,
    comm: image.comm,
    sid: process.sid ?? 0,
    pgid: process.pgid ?? 0,
    vpgid: process.vpgid ?? 0,
    tty: process.tty ?? 0,
    ...optional,
  });
}

function header(hostname: string): ConstructorParameters<typeof RecordingWriter>[1] {
  return {
    arch: process.arch,
    hostname,
    bootId: bootId(),
    kernel: release(),
    clockOffset: String(new BootClock().offset),
    accounts: { passwd: accountFile('/etc/passwd'), group: accountFile('/etc/group') },
  };
}

function accountFile(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
