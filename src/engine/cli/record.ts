import { hostname } from 'node:os';
import { EVENTS } from '../../sensors/events/events.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { formatBytes } from '../core/units.ts';
import { startRecording } from '../tools/recorder.ts';
import { act, type CommandSpec } from './command.ts';
import { eventCodes } from './event-codes.ts';
import { waitingTime } from './options.ts';
import { note } from './output.ts';
import { untilStopped } from './stopped.ts';

interface RecordOptions {
  readonly type?: readonly string[];
  readonly duration?: string;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence record hour.rfr --duration 1h', 'record an hour, whatever rules there will be later'],
    ['ringfence replay hour.rfr -r new_rules.yaml', 'see what rules make of it'],
    ['ringfence record net.rfr --type connect accept4', 'only these events (and processes)'],
  ],
  configure(command) {
    command
      .argument('<file>', 'where to; a file that exists is not replaced')
      .option('-t, --type <names...>', 'only these events; process starts and ends are always recorded')
      .option('--duration <time>', 'stop after this time')
      .action(act(record));
  },
};

async function record(path: string, options: RecordOptions): Promise<number> {
  const limit = waitingTime('--duration', options.duration);
  let state = { records: 0, bytes: 0, lost: 0 };
  const failed = new AbortController();
  const stop = startRecording({
    path,
    codes: codesOf(options.type),
    hostname: hostname(),
    onProgress: (progress) => {
      state = progress;
    },
    onError: (error) => failed.abort(error),
  });
  if (process.stderr.isTTY && limit === undefined) note('Recording. Ctrl-C ends.');
  await untilStopped(limit, failed.signal);
  stop();
  note(`${path}: ${state.records} records, ${formatBytes(state.bytes)}, ${state.lost} lost`);
  if (failed.signal.aborted) {
    const cause = failed.signal.reason as Error;
    throw new AppError('E_RECORDING', `recording ended early: ${cause.message}`, { cause });
  }
  return EXIT.ok;
}

/** Events with parameters of their own, unless some are named. */
function codesOf(names: readonly string[] | undefined): number[] {
  if (names === undefined) return [...EVENTS.keys()].filter((code) => EVENTS[code]!.params.length > 0);
  return [...eventCodes(names)];
}
