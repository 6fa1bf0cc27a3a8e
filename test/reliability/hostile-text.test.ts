import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Alert } from '../../src/engine/core/alert.ts';
import { MetricBuffer } from '../../src/engine/core/metrics.ts';
import { BootClock } from '../../src/engine/enrich/clock.ts';
import { Enricher } from '../../src/engine/enrich/enricher.ts';
import { Pipeline } from '../../src/engine/pipeline/pipeline.ts';
import { entryRule, guardRule, LANGUAGE } from '../../src/engine/ruleset.ts';
import { alertEntry } from '../../src/outputs/audit/entry.ts';
import { csvLine } from '../../src/outputs/audit/render.ts';
import { FORMAT_NAMES, makeFormatter } from '../../src/outputs/formats/formats.ts';
import { escapeForTerminal } from '../../src/outputs/formats/text.ts';
import { loadRules } from '../../src/rules/index.ts';
import { EVENT_NAMES } from '../../src/sensors/events/events.ts';
import { buildRecord, type RecordSpec, recordOf } from '../../src/sensors/record/build-record.ts';
import { Decoder } from '../../src/sensors/record/decode.ts';
import { RecordMemory } from '../../src/sensors/record/record-base.ts';
import { evidence, rounds } from './evidence.ts';

const RUNS = rounds('RINGFENCE_FUZZ_RUNS', 300);

const RULES = `
- rule: Everything
  desc: Shows whatever an attacker chooses.
  condition: evt.type in (openat, execve)
  output: >
    name=%fd.name raw=%fs.path.name comm=%proc.name args=%proc.cmdline exe=%proc.exepath cwd=%proc.cwd
    env=%proc.env p=%proc.pname a=%proc.aname[2] cgroup=%thread.cgroups id=%container.id user=%user.name
  priority: WARNING
`;

/** What breaks out: terminals, lines, quotes, structured data, formulas, headers, invalid and deceptive Unicode. */
const NASTY = [
  '\x1b]0;pwned\x07',
  '\x1b[2J',
  '\n<14>1 forged',
  '\r\nX-Evil: 1',
  '"]',
  '\\',
  '"',
  "';DROP TABLE rows;--",
  '|',
  '=cmd()',
  '%proc.name',
  '\x00',
  '\x7f',
  '\xc2\x9b31m',
  '\xff\xfe',
  '\xe2\x80\xae',
  '\xed\xa0\x80',
  '__proto__',
  '$(x)',
  '{{x}}',
];
const hostile = fc
  .array(
    fc.oneof(
      fc.constantFrom(...NASTY),
      fc.uint8Array({ maxLength: 24 }).map((bytes) => Buffer.from(bytes).toString('latin1')),
    ),
    { maxLength: 8 },
  )
  .map((parts) => parts.join(''));

function pipeline(): { readonly feed: Pipeline; readonly alerts: Alert[] } {
  const alerts: Alert[] = [];
  const { rules, diagnostics } = loadRules([{ name: 'test', text: RULES }], LANGUAGE);
  if (rules === undefined) throw new Error(JSON.stringify(diagnostics));
  const feed = new Pipeline(rules, {
    enricher: new Enricher({ proc: undefined, arch: 'x64', clock: new BootClock(() => 0n) }),
    hostname: 'node-7',
    bootId: 'boot',
    eventNames: EVENT_NAMES.names,
    metrics: new MetricBuffer(),
    emit: (batch) => alerts.push(...batch),
    tierOf: () => 'observe',
    decider: () => undefined,
    entryRule: entryRule(),
    guardRule: guardRule(),
    wait: { capacity: 10, waitMs: 1 },
    bootNow: () => 100,
    explain: true,
  });
  return { feed, alerts };
}

const OPENAT = 257;
const records = (a: string, b: string, c: string): RecordSpec[] => [
  {
    kind: 'exec',
    ts: 20,
    pid: 7,
    tid: 7,
    start: 7,
    comm: a.slice(0, 15),
    args: `${a}\0${b}`,
    env: `A=${c}\0`,
    exe: `/bin/${b}`,
    filename: a,
    cwd: `/${c}`,
    cgroupPath: `/docker/${a}`,
  },
  {
    kind: 'call',
    nr: OPENAT,
    ts: 30,
    seq: 1,
    pid: 7,
    tid: 7,
    start: 7,
    comm: b.slice(0, 15),
    ret: 3,
    path0: c,
  },
];

/** Control characters (C0, DEL, C1), line and paragraph separators, and marks that turn text round. */
const CONTROLS = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

test('names that an attacker chose never leave a format: one line, no control characters, JSON that parses', () => {
  const { feed, alerts } = pipeline();
  const formatters = FORMAT_NAMES.map((name) => ({
    name,
    format: makeFormatter(name, {}, { version: '1' }),
  }));
  let seen = 0;
  fc.assert(
    fc.property(hostile, hostile, hostile, (a, b, c) => {
      alerts.length = 0;
      for (const spec of records(a, b, c)) feed.record(recordOf(spec));
      feed.flush();
      seen += alerts.length;
      for (const alert of alerts) {
        for (const { name, format } of formatters) {
          const line = format(alert);
          const json = line.startsWith('{');
          if (json) assert.equal(typeof JSON.parse(line), 'object', name);
          const bad = json ? /[\x00-\x1f\x7f]/ : CONTROLS;
          assert.doesNotMatch(line, bad, name);
        }
        assert.doesNotMatch(escapeForTerminal(alert.message), CONTROLS);
        JSON.parse(alertEntry(alert).body);
      }
    }),
    { numRuns: RUNS },
  );
  assert.ok(seen >= RUNS, `${seen} alerts`);
  evidence({
    fault: `${RUNS} records with hostile names through all formats`,
    expected: 'one line each, no control characters, JSON parses, nothing throws',
    result: `${seen} alerts × ${formatters.length} formats`,
  });
});

test('a cell of CSV stays one cell, and is never a formula', () => {
  fc.assert(
    fc.property(fc.array(hostile, { minLength: 1, maxLength: 5 }), (values) => {
      const cells = parseCsv(csvLine(values));
      assert.equal(cells.length, values.length);
      for (const cell of cells) assert.doesNotMatch(cell, /^[=+\-@\t\r]/);
    }),
    { numRuns: RUNS },
  );
});

test('records with bytes flipped anywhere are decoded or refused, and nothing throws', () => {
  const { feed, alerts } = pipeline();
  const originals = records('sh', 'true', '/etc/passwd').map(buildRecord);
  const decoder = new Decoder();
  fc.assert(
    fc.property(
      fc.constantFrom(...originals),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 12 }),
      fc.nat(),
      (original, flips, cut) => {
        const bytes = Buffer.from(original);
        for (const [at, value] of flips) bytes[at % bytes.length] = value;
        const length = cut % 5 === 0 ? cut % bytes.length : bytes.length;
        const rec = decoder.at(RecordMemory.copyOf(bytes), 0, length);
        if (rec !== undefined) feed.record(rec);
        feed.flush();
        for (const alert of alerts.splice(0)) assert.equal(typeof alert.message, 'string');
      },
    ),
    { numRuns: RUNS * 4 },
  );
});

function parseCsv(line: string): string[] {
  assert.ok(line.endsWith('\r\n'));
  const cells: string[] = [];
  let at = 0;
  while (at < line.length - 2) {
    assert.equal(line[at], '"');
    let cell = '';
    for (at++; line[at] !== '"' || line[at + 1] === '"'; at++) {
      if (line[at] === '"') at++;
      cell += line[at] as string;
    }
    cells.push(cell);
    at++;
    assert.ok(line[at] === ',' || line[at] === '\r');
    at++;
  }
  return cells;
}
