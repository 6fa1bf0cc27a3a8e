import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { DENY_QUESTIONS, DenyList } from '../../src/enforce/index.ts';
import { outputSchemas } from '../../src/engine/cli/outputs.ts';
import { load } from '../../src/engine/config/config.ts';
import { AppError } from '../../src/engine/core/diagnostic.ts';
import { createLog } from '../../src/engine/core/log.ts';
import { LANGUAGE } from '../../src/engine/ruleset.ts';
import { replayLines } from '../../src/engine/tools/replay-lines.ts';
import { StatusServer } from '../../src/outputs/serve/server.ts';
import { givenFields } from '../../src/rules/cases/given.ts';
import { FIELDS } from '../../src/rules/fields/index.ts';
import { loadRules } from '../../src/rules/index.ts';
import { EVENT_NAMES } from '../../src/sensors/events/events.ts';
import { evidence, rounds } from './evidence.ts';

/** What others hand to the engine: files, requests, targets. It answers with an error of its own, and stays small. */
const RUNS = rounds('RINGFENCE_FUZZ_RUNS', 300);
const SLACK_MB = 150;
const folder = mkdtempSync(join(tmpdir(), 'rf-hostile-'));
after(() => rmSync(folder, { recursive: true }));
const GIVEN = givenFields(FIELDS);
const schemas = await outputSchemas();

const rssMb = (): number => Math.round(process.memoryUsage().rss / 1024 / 1024);

/** Cuts, doubles and replaces parts of a text that is valid. */
const damaged = (text: string): fc.Arbitrary<string> =>
  fc
    .array(
      fc.record({
        at: fc.nat(text.length),
        drop: fc.nat(12),
        put: fc.oneof(
          fc.constantFrom(
            '',
            '\0',
            '\t',
            ': ',
            '- ',
            '{',
            '[',
            '&a ',
            '*a',
            '<<: ',
            '!!js/function ',
            '__proto__: ',
            '"',
            "'",
            '%',
            '\u2028',
            '1e999',
            '0x',
            '~',
          ),
          fc.string({ maxLength: 8 }),
        ),
      }),
      { minLength: 1, maxLength: 4 },
    )
    .map((edits) =>
      edits.reduce((now, { at, drop, put }) => now.slice(0, at) + put + now.slice(at + drop), text),
    );

const CONFIG = `mode: enforce
rules_files: [/etc/ringfence/rules.d]
priority: warning
sensors: {ring_bytes: 33554432}
enforcement:
  pin: true
  protected: [/usr/sbin/sshd]
outputs:
  console: {}
  alerts: {type: file, path: /tmp/x}
  hook:
    type: http
    url: https://localhost/
`;

test('damaged configuration files are told to be wrong, or mean something; nothing else happens', () => {
  const file = join(folder, 'config.yaml');
  const start = rssMb();
  fc.assert(
    fc.property(damaged(CONFIG), (text) => {
      writeFileSync(file, text);
      const { config, diagnostics } = load(schemas, { file, env: {} });
      assert.ok(config !== undefined || diagnostics.some(({ severity }) => severity === 'error'));
      assert.equal(
        ({} as Record<string, unknown>).mode,
        undefined,
        'the prototype of everything was written to',
      );
    }),
    { numRuns: RUNS },
  );
  assert.ok(rssMb() <= start + SLACK_MB, `${start} MB became ${rssMb()} MB`);
});

const BOMBS: readonly (readonly [string, string])[] = [
  [
    'aliases that multiply',
    `a: &a [x,x,x,x,x,x,x,x,x]\n${[...'bcdefghi'].map((name, i) => `${name}: &${name} [${`*${'abcdefgh'[i]},`.repeat(9)}]`).join('\n')}\n`,
  ],
  ['ten thousand brackets', '['.repeat(10_000)],
  ['a key of a megabyte', `${'k'.repeat(1 << 20)}: 1\n`],
  ['the prototype', '__proto__: {mode: enforce}\nconstructor: {prototype: {x: 1}}\n'],
  ['a document that is no map', '- a\n- b\n'],
  ['two documents', 'mode: monitor\n---\nmode: enforce\n'],
  ['bytes that are no text', Buffer.from([0xff, 0xfe, 0, 1]).toString('latin1')],
];

for (const [name, text] of BOMBS) {
  test(`a configuration or rules file with ${name} is refused, quickly`, () => {
    const file = join(folder, 'bomb.yaml');
    writeFileSync(file, text, 'latin1');
    const start = rssMb();
    const { config, diagnostics } = load(schemas, { file, env: {} });
    assert.equal(config, undefined);
    assert.ok(diagnostics.length > 0 && diagnostics.length < 100);
    const rules = loadRules([{ name: 'bomb', text }], LANGUAGE);
    assert.equal(rules.rules, undefined);
    assert.ok(rssMb() <= start + SLACK_MB, `${start} MB became ${rssMb()} MB`);
    assert.equal(({} as Record<string, unknown>).x, undefined);
  });
}

test('damaged lines of events to replay end with the line that is wrong', async () => {
  const file = join(folder, 'events.jsonl');
  const line = JSON.stringify({
    'evt.type': 'openat',
    'fd.name': '/etc/shadow',
    'proc.name': 'cat',
    'user.uid': 0,
  });
  const text =
    '- rule: R\n  desc: d\n  condition: evt.type = openat and fd.name = /etc/shadow\n  output: x %fd.name\n  priority: INFO\n';
  const { rules } = loadRules([{ name: 'r', text }], { fields: GIVEN, events: EVENT_NAMES });
  await fc.assert(
    fc.asyncProperty(damaged(line), async (bad) => {
      writeFileSync(file, `${bad}\n`);
      try {
        await replayLines(file, rules!, GIVEN, () => {});
      } catch (error) {
        assert.ok(error instanceof AppError, String(error));
      }
    }),
    { numRuns: RUNS },
  );
});

test('whatever is asked of the deny list, it takes it or says what is wrong', () => {
  const list = new DenyList({
    sink: { put() {}, remove() {}, hits: () => ({ count: 0, last: undefined }), configure() {}, follow() {} },
    store: { load: () => [], save() {} },
    now: () => 0,
    monitor: false,
    onObjects() {},
    refusesObjects: () => true,
  });
  const value = fc.oneof(
    fc.constantFrom(
      '203.0.113.0/24',
      '::1',
      '::ffff:1.2.3.4/120',
      '/etc/x',
      'exe:/bin/x',
      '0.0.0.0/0',
      '1.2.3.4/33',
      'exe:',
      '/',
      '..',
    ),
    fc.string({ maxLength: 40 }),
    fc.double(),
    fc.constantFrom(null, undefined, true, [], {}),
  );
  const args = fc.dictionary(
    fc.constantFrom('target', 'port', 'protocol', 'scope', 'reason', 'source', 'ttl', 'what', 'text'),
    value,
  );
  fc.assert(
    fc.property(fc.constantFrom(...Object.keys(DENY_QUESTIONS)), args, (question, given) => {
      try {
        DENY_QUESTIONS[question]?.(list, given);
      } catch (error) {
        assert.ok(error instanceof AppError, (error as Error).stack);
      }
    }),
    { numRuns: RUNS * 4 },
  );
  assert.ok(list.list().length <= RUNS * 4);
});

describe('the HTTP server', () => {
  let server: StatusServer;
  before(async () => {
    const ok = () => ({ ok: true, checks: {} });
    server = await StatusServer.open(
      { enabled: true, listen: '127.0.0.1:0', allowed_hosts: [] },
      { metrics: async () => 'm 1\n', live: ok, ready: ok, version: {} },
      createLog({ level: 'silent' }),
    );
  });
  after(() => server.close());
  const port = (): number => Number(server.address.split(':').at(-1));

  /** Sends bytes and gives back what is answered until the server closes, or is silent for a moment. */
  const raw = (bytes: Uint8Array): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      const socket = connect(port(), '127.0.0.1');
      const end = (): void => {
        socket.destroy();
        resolve(text);
      };
      socket.setTimeout(30, end).on('error', end).on('close', end);
      socket.on('data', (chunk) => {
        text += chunk.toString('latin1');
      });
      socket.write(bytes);
    });

  test('answers damaged requests with an error, and the next one as ever', async () => {
    const request =
      'GET /metrics HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n';
    const start = rssMb();
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          damaged(request).map((text) => Buffer.from(text)),
          fc.uint8Array({ maxLength: 200 }),
        ),
        async (bytes) => {
          const answer = await raw(bytes);
          assert.ok(answer === '' || answer.startsWith('HTTP/1.1 '), answer);
          assert.doesNotMatch(answer, /^HTTP\/1\.1 5/);
        },
      ),
      { numRuns: Math.min(RUNS, 1000) },
    );
    const answer = await fetch(`http://127.0.0.1:${port()}/livez`);
    assert.equal(answer.status, 200);
    assert.ok(rssMb() <= start + SLACK_MB, `${start} MB became ${rssMb()} MB`);
  });

  test('does not read endless headers or bodies, nor keeps a hundred silent clients from the next', async () => {
    assert.match(
      await raw(Buffer.from(`GET / HTTP/1.1\r\nHost: localhost\r\nX: ${'x'.repeat(1 << 20)}`)),
      /^(HTTP\/1\.1 431|$)/,
    );
    const post = `POST /metrics HTTP/1.1\r\nHost: localhost\r\nContent-Length: 999999999\r\n\r\n${'x'.repeat(1 << 16)}`;
    assert.match(await raw(Buffer.from(post)), /^HTTP\/1\.1 405/);
    const silent = Array.from({ length: 40 }, () => connect(port(), '127.0.0.1').on('error', () => {}));
    const answer = await fetch(`http://127.0.0.1:${port()}/livez`);
    assert.equal(answer.status, 200);
    for (const socket of silent) socket.destroy();
    evidence({
      fault: `damaged configuration files, rules, event lines, HTTP requests and deny targets, ${RUNS} each`,
      expected: 'an error that says what is wrong, memory bounded, the next one works',
      result: 'as expected',
    });
  });
});
