import { createWriteStream } from 'node:fs';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import skipsReporter from './skips-reporter.ts';

// Runs test files as `node --test` does, in two parts with one summary: first those that need only the processor, two at
// a time, then those that watch the kernel or boot guests, one at a time, so that they do not disturb each other.
//   node dist/test/lib/run-all.js SKIPS_FILE FILE…

interface Event {
  readonly type: string;
  readonly data: { readonly nesting?: number; readonly message?: string; readonly file?: string };
}

/** These have the machine for themselves. */
const ALONE = /^dist\/(test\/|src\/(sensors|enforce)\/)/;
/** A file that hangs fails after this instead of holding everything up. */
const TIMEOUT_MS = 20 * 60_000;
const TOTAL = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) ([\d.]+)$/;

/** `forceExit`: a test that failed may leave something open, which must not keep its file from ending. */
type Options = Parameters<typeof run>[0] & { readonly forceExit: boolean };

/** The events of both parts, with the closing figures added up. */
async function* both(files: readonly string[]): AsyncGenerator<Event> {
  const totals = new Map<string, number>();
  const parts = [
    { files: files.filter((file) => !ALONE.test(file)), concurrency: 2 },
    { files: files.filter((file) => ALONE.test(file)), concurrency: 1 },
  ];
  for (const part of parts.filter(({ files: some }) => some.length > 0)) {
    for await (const event of run({
      ...part,
      timeout: TIMEOUT_MS,
      forceExit: true,
    } as Options) as AsyncIterable<Event>) {
      const [, name, value] =
        event.type === 'test:diagnostic' ? (TOTAL.exec(event.data.message ?? '') ?? []) : [];
      if (name === undefined || event.data.nesting !== 0) yield event;
      else totals.set(name, (totals.get(name) ?? 0) + Number(value));
    }
  }
  for (const [name, value] of totals) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}` } };
  }
  if ((totals.get('fail') ?? 0) + (totals.get('cancelled') ?? 0) > 0) process.exitCode = 1;
}

const [skipsFile = '/dev/null', ...files] = process.argv.slice(2);
const skips = createWriteStream(skipsFile);

/** Passes the events on and writes those of skipped tests to the file. */
async function* noteSkips(events: AsyncIterable<Event>): AsyncGenerator<Event> {
  for await (const event of events) {
    for await (const line of skipsReporter(Readable.from([event]) as never)) skips.write(line);
    yield event;
  }
  skips.end();
}

Readable.from(noteSkips(both(files)))
  .compose(new spec())
  .pipe(process.stdout);
