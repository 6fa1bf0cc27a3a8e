/**
 * Runs in a guest: node:test over the files named as arguments, one process each, one after another. Every
 * event becomes a line of JSON on standard output for matrix.ts on the host.
 */
import { run } from 'node:test';
import type { GuestTestEvent } from './results.ts';

const line = (event: GuestTestEvent): void => {
  process.stdout.write(`${JSON.stringify(event)}\n`);
};

/** Who starts the guest bounds the whole. */
const TIMEOUT_MS = 3_600_000;

const stream = run({ files: process.argv.slice(2), concurrency: 1, timeout: TIMEOUT_MS });
stream.on('test:start', ({ name, nesting }) => line({ type: 'start', name, nesting }));
stream.on('test:pass', ({ name, nesting, skip, todo, details }) => {
  const why = skip ?? todo;
  line({
    type: 'pass',
    name,
    nesting,
    ms: Math.round(details.duration_ms),
    ...(why === undefined ? {} : { skip: why === true ? 'no reason given' : String(why) }),
  });
});
stream.on('test:fail', ({ name, nesting, details }) => {
  const cause = details.error.cause;
  const text =
    cause instanceof Error ? (cause.stack ?? cause.message) : String(cause ?? details.error.message);
  line({ type: 'fail', name, nesting, ms: Math.round(details.duration_ms), error: text });
});
stream.on('test:stdout', ({ message }) => line({ type: 'output', text: message }));
stream.on('test:stderr', ({ message }) => line({ type: 'output', text: message }));
stream.resume();
stream.on('end', () => line({ type: 'end' }));
