import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { isJournal } from './journal.ts';
import { createLog } from './log.ts';

test('in the journal each line begins with its severity; elsewhere it does not', () => {
  for (const [journal, starts] of [
    [true, ['<7>{"level":"debug"', '<6>{"level":"info"', '<4>{"level":"warn"', '<3>{"level":"error"']],
    [false, ['{"level":"debug"', '{"level":"info"', '{"level":"warn"', '{"level":"error"']],
  ] as const) {
    const stream = new PassThrough();
    const log = createLog({ level: 'debug', format: 'json', stream, journal });
    log.debug('a');
    log.info('b');
    log.warn('c');
    log.error('d');
    const lines = String(stream.read()).trim().split('\n');
    assert.deepEqual(
      lines.map((line, i) => line.startsWith(starts[i] ?? '?')),
      [true, true, true, true],
      lines.join('\n'),
    );
  }
});

test('the journal is what systemd says it gave us, and nothing else', () => {
  const fd = openSync('/dev/null', 'w');
  const { dev, ino } = fstatSync(fd);
  assert.equal(isJournal(fd, { JOURNAL_STREAM: `${dev}:${ino}` }), true);
  assert.equal(isJournal(fd, { JOURNAL_STREAM: `${dev}:${ino + 1}` }), false);
  assert.equal(isJournal(fd, {}), false);
  assert.equal(isJournal(999, { JOURNAL_STREAM: `${dev}:${ino}` }), false);
});
