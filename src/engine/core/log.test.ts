import assert from 'node:assert/strict';
import { fstatSync, openSync } from 'node:fs';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { isJournal } from './journal.ts';
import { createLog, RepeatLimit } from './log.ts';

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

test('what an attacker wrote reaches a terminal as nothing but text', () => {
  const path = '/tmp/\u001b[2Ja\u009b2J\u007f\u202egpj.exe\u2066\u2028\ufeff';
  for (const format of ['text', 'json'] as const) {
    const stream = new PassThrough();
    createLog({ format, stream }).info({ path, err: new Error(path) }, `read ${path}`);
    const line = String(stream.read());
    assert.doesNotMatch(
      line.slice(0, -1),
      /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069\ufeff]/,
      format,
    );
    assert.match(line, /read \/tmp\/\\u001b\[2Ja\\u009b2J\\u007f\\u202egpj\.exe\\u2066/);
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

test('what repeats itself is held back by what it is about, not by its code alone', () => {
  const stream = new PassThrough();
  const log = createLog({ format: 'json', stream });
  for (let round = 0; round < 3; round++) {
    log.warn({ code: 'E_OUTPUT_SEND', output: 'http' }, 'output fails');
    log.warn({ code: 'E_OUTPUT_SEND', output: 'file' }, 'output fails');
    log.child({ component: 'output a' }).warn({ code: 'E_NATS_CONNECTION' }, 'NATS connection');
    log.child({ component: 'output b' }).warn({ code: 'E_NATS_CONNECTION' }, 'NATS connection');
    log.warn({ code: 'W_TIER', rule: 'one' }, 'cannot refuse');
    log.warn({ code: 'W_TIER', rule: 'two' }, 'cannot refuse');
    log.warn({ code: 'E_CANARY' }, 'does not see');
    log.warn({ code: 'E_CANARY' }, 'sees again');
  }
  const lines = String(stream.read()).trim().split('\n');
  assert.deepEqual(
    lines.map((line) => {
      const { output, component, rule, msg } = JSON.parse(line) as Record<string, string>;
      return output ?? component ?? rule ?? msg;
    }),
    ['http', 'file', 'output a', 'output b', 'one', 'two', 'does not see', 'sees again'],
  );
});

test('what was held back is counted with the next that is written', () => {
  const limit = new RepeatLimit(1000);
  assert.deepEqual(
    [limit.take('a', 0), limit.take('a', 1), limit.take('a', 999), limit.take('b', 2)],
    [0, -1, -1, 0],
  );
  assert.deepEqual([limit.take('a', 1000), limit.take('a', 1001), limit.take('a', 2001)], [2, -1, 1]);
});

test('the code of each error and warning is told, repeated or not', () => {
  const codes: string[] = [];
  const log = createLog({ format: 'json', stream: new PassThrough(), onCode: (code) => codes.push(code) });
  log.error({ code: 'E_A' }, 'a');
  log.child({ component: 'x' }).warn({ code: 'W_B' }, 'b');
  log.error({ code: 'E_A' }, 'a');
  log.info({ code: 'E_C' }, 'good again');
  log.error({ err: new Error('x') }, 'without a code');
  assert.deepEqual(codes, ['E_A', 'W_B', 'E_A']);
});
