import { createWriteStream } from 'node:fs';
import { relative } from 'node:path';
import { Readable } from 'node:stream';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import skipsReporter from './skips-reporter.ts';

// Runs test files as `node --test` does, in two parts with one summary: first those that need only the processor, two at
// a time, then those that watch the kernel or boot guests, one at a time, so that they do not disturb each other. Much
// here depends on kernel, servers and time, shared with the rest of the machine: a file that fails is named and runs once
// more, alone.
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
  const failed = new Set<string>();
  const alone = files.filter((file) => ALONE.test(file));
  yield* part(
    files.filter((file) => !ALONE.test(file)),
    2,
    totals,
    failed,
  );
  yield* part(alone, 1, totals, failed);
  if (failed.size > 0) {
    const names = [...failed];
    yield {
      type: 'test:diagnostic',
      data: { nesting: 0, message: `failed once, run again: ${names.join(' ')}` },
    };
    for (const name of ['fail', 'cancelled']) totals.set(name, 0);
    yield* part(names, 1, totals, failed);
  }
  for (const [name, value] of totals) {
    yield { type: 'test:diagnostic', data: { nesting: 0, message: `${name} ${value}` } };
  }
  if ((totals.get('fail') ?? 0) + (totals.get('cancelled') ?? 0) > 0) process.exitCode = 1;
}

async function* part(
  files: readonly string[],
  concurrency: number,
  totals: Map<string, number>,
  failed: Set<string>,
): AsyncGenerator<Event> {
  if (files.length === 0) return;
  const options = { files, concurrency, timeout: TIMEOUT_MS, forceExit: true } as Options;
  for await (const event of run(options) as AsyncIterable<Event>) {
    if (event.type === 'test:fail' && event.data.file) failed.add(compiled(event.data.file));
    const [, name, value] =
      event.type === 'test:diagnostic' ? (TOTAL.exec(event.data.message ?? '') ?? []) : [];
    if (name === undefined || event.data.nesting !== 0) yield event;
    else totals.set(name, (totals.get(name) ?? 0) + Number(value));
  }
}

/** What runs, of a file that is named by its source where the failing test has a source map. */
function compiled(file: string): string {
  const name = relative(process.cwd(), file);
  return name.endsWith('.ts') ? `dist/${name.replace(/ts$/, 'js')}` : name;
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
