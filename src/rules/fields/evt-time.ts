import { iso8601, localDate, localTime, localTimeNs } from '../../engine/enrich/clock.ts';
import type { Event } from '../../engine/enrich/event.ts';
import { type Field, field, str, uint, whole } from './define.ts';

const SECOND = 1_000_000_000n;

const since = (event: Event): bigint => BigInt(Math.max(0, event.ts - event.firstTs));
const delta = (event: Event): bigint => BigInt(Math.max(0, event.ts - event.previousTs));

/** A span as a whole, its seconds and its fraction. */
function spans(name: string, doc: string, get: (event: Event) => bigint): Field[] {
  return [
    field(name, 'reltime', `${doc}, in nanoseconds.`, (e) => whole(get(e))),
    uint(`${name}.s`, `${doc}: whole seconds.`, (e) => whole(get(e) / SECOND)),
    uint(`${name}.ns`, `${doc}: nanoseconds beyond the whole seconds.`, (e) => whole(get(e) % SECOND), {
      format: 'pad9',
    }),
  ];
}

export const EVT_TIME_FIELDS: readonly Field[] = [
  str('evt.time', 'Local time of the event with nanoseconds.', (e) => localTimeNs(e.epochNs), {
    json: (e) => e.epochNs,
  }),
  str('evt.outputtime', 'Local time of the event with nanoseconds.', (e) => localTimeNs(e.epochNs), {
    printOnly: true,
  }),
  str('evt.time.s', 'Local time of the event.', (e) => localTime(e.epochNs)),
  str('evt.time.iso8601', 'Time of the event in UTC.', (e) => iso8601(e.epochNs), { json: (e) => e.epochNs }),
  str(
    'evt.datetime',
    'Local date and time with nanoseconds.',
    (e) => `${localDate(e.epochNs)} ${localTimeNs(e.epochNs)}`,
  ),
  str('evt.datetime.s', 'Local date and time.', (e) => `${localDate(e.epochNs)} ${localTime(e.epochNs)}`),
  field('evt.rawtime', 'time', 'Time of the event, in nanoseconds since the epoch.', (e) => e.epochNs),
  uint('evt.rawtime.s', 'Time of the event, in seconds since the epoch.', (e) => whole(e.epochNs / SECOND)),
  uint('evt.rawtime.ns', 'Nanoseconds beyond the whole seconds.', (e) => whole(e.epochNs % SECOND), {
    format: 'pad9',
  }),
  ...spans('evt.reltime', 'Time since the first event', since),
  ...spans('evt.deltatime', 'Time since the event before', delta),
  ...['evt.latency', 'evt.latency.s', 'evt.latency.ns', 'evt.latency.quantized', 'evt.wait_latency'].map(
    (name) => field(name, 'reltime', 'Always 0: events are finished calls.', () => 0, { deprecated: true }),
  ),
  str('evt.latency.human', 'Always 0ns: events are finished calls.', () => '0ns', { deprecated: true }),
];
