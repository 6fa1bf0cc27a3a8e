import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { FORMAT_NAMES, makeFormatter } from './formats.ts';
import { SAMPLES } from './samples.ts';

const UPDATE = process.env.UPDATE_GOLDEN === '1';

/** Golden files lie beside the sources, also when the tests run compiled. */
function goldenPath(name: string): string {
  const here = fileURLToPath(new URL(`./golden/${name}`, import.meta.url));
  return here.replace(/\/dist\/src\//, '/src/');
}

// A Falco text starts with the local time of day.
before(() => {
  process.env.TZ = 'UTC';
});

for (const name of FORMAT_NAMES) {
  test(`${name} gives what stands in its golden file`, () => {
    const format = makeFormatter(name, {}, { version: '0.1.0' });
    const text = Object.values(SAMPLES)
      .map((alert) => `${format(alert)}\n`)
      .join('');
    const path = goldenPath(`${name}.golden`);
    if (UPDATE) writeFileSync(path, text);
    assert.equal(text, readFileSync(path, 'utf8'));
  });

  test(`${name} keeps every alert on one line without control characters`, () => {
    const format = makeFormatter(name, {}, { version: '0.1.0' });
    for (const alert of Object.values(SAMPLES)) {
      assert.doesNotMatch(format(alert), /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/);
      assert.equal(Buffer.from(format(alert)).toString('utf8'), format(alert), 'no lone surrogates');
    }
  });
}

test('Falco options take members out of and into the document', () => {
  const alert = SAMPLES.file;
  assert.ok(alert);
  const format = makeFormatter(
    'falco_json',
    {
      time_format_iso_8601: true,
      json_include_output_property: false,
      json_include_message_property: true,
      json_include_tags_property: false,
      json_include_ringfence_property: false,
    },
    { version: '0.1.0' },
  );
  const document = JSON.parse(format(alert)) as Record<string, unknown>;
  const keys = ['hostname', 'message', 'output_fields', 'priority', 'rule', 'source', 'time', 'uuid'];
  assert.deepEqual(Object.keys(document), keys);
  assert.equal(document.message, alert.message);
  assert.ok('evt.time.iso8601' in (document.output_fields as object));
  const bare = makeFormatter('falco_json', { json_include_output_fields_property: false }, { version: '' });
  assert.ok(!('output_fields' in (JSON.parse(bare(alert)) as object)));
});

test("the text prefix is the local time of day, or ISO 8601 with +0000 as in Falco's option", () => {
  const alert = SAMPLES.internal;
  assert.ok(alert);
  const text = (iso: boolean): string =>
    makeFormatter('falco_text', { time_format_iso_8601: iso }, { version: '' })(alert);
  assert.equal(text(false), '10:15:30.000000123: Debug Lost 3 events');
  assert.equal(text(true), '2026-07-31T10:15:30.000000123+0000: Debug Lost 3 events');
});

test('integers beyond 2^53 keep all digits in JSON', () => {
  const alert = SAMPLES.v6;
  assert.ok(alert);
  const text = makeFormatter('falco_json', {}, { version: '' })(alert);
  assert.match(text, /"proc\.pid\.ts":1785492930000000123,/);
  assert.match(text, /"thread\.cap_effective":-9007199254740993[,}]/);
  assert.match(text, /"evt\.time":1785492930003000123,/);
  assert.match(text, /"proc\.ratio":null/);
});
