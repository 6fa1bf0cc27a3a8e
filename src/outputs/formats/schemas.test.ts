import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import type { Alert } from '../../engine/core/alert.ts';
import type { Priority } from '../../engine/core/priority.ts';
import { testAlert } from '../testing/alerts.ts';
import { CLOUDEVENTS_SCHEMA, ECS_SCHEMA, FALCO_SCHEMA, OCSF_SCHEMA } from '../testing/schemas.ts';
import { cloudEventHeaders } from './cloudevents.ts';
import { type FormatName, makeFormatter } from './formats.ts';
import { SAMPLES } from './samples.ts';

const SCHEMAS: readonly (readonly [FormatName, Readonly<Record<string, unknown>>])[] = [
  ['falco_json', FALCO_SCHEMA],
  ['ocsf', OCSF_SCHEMA],
  ['ecs', ECS_SCHEMA],
  ['cloudevents', CLOUDEVENTS_SCHEMA],
];

const FIELDS = [
  'evt.type',
  'proc.name',
  'proc.exepath',
  'proc.cmdline',
  'proc.pid',
  'proc.pname',
  'proc.ppid',
];
const MORE_FIELDS = ['user.name', 'user.uid', 'fd.name', 'fd.sip', 'fd.sport', 'fd.cip', 'fd.l4proto'];
const CONTAINER_FIELDS = ['container.id', 'container.name', 'container.image.repository', 'k8s.pod.name'];

const value = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.integer(),
  fc.bigInt(),
  fc.boolean(),
  fc.double(),
  fc.constant(null),
  fc.array(fc.string(), { maxLength: 3 }),
);

/** Any alert that the types allow. */
const anyAlert: fc.Arbitrary<Alert> = fc
  .record({
    priority: fc.integer({ min: 0, max: 7 }),
    message: fc.string({ unit: 'binary', minLength: 1 }),
    rule: fc.string({ minLength: 1 }),
    tags: fc.uniqueArray(fc.constantFrom('T1555', 'T1059.004', 'mitre_impact', 'host', 'constructor')),
    guarantee: fc.constantFrom('denied', 'killed', 'would_deny', 'observed'),
    fields: fc.dictionary(fc.constantFrom(...FIELDS, ...MORE_FIELDS, ...CONTAINER_FIELDS), value),
  })
  .map((changes) => testAlert(0, { ...(changes as Partial<Alert>), priority: changes.priority as Priority }));

for (const [name, schema] of SCHEMAS) {
  const validate = new Ajv({ strict: false }).compile(schema);
  const format = makeFormatter(name, {}, { version: '0.1.0' });
  const check = (alert: Alert): void => {
    assert.ok(validate(JSON.parse(format(alert))), JSON.stringify(validate.errors));
  };

  test(`${name} holds to its schema for every sample`, () => {
    for (const alert of Object.values(SAMPLES)) check(alert);
  });

  test(`${name} holds to its schema for any alert`, () => {
    fc.assert(fc.property(anyAlert, check), { numRuns: 300 });
  });
}

test('falco_json gives back every string field unchanged but for what has no UTF-8 form', () => {
  const format = makeFormatter('falco_json', {}, { version: '0.1.0' });
  const property = fc.property(fc.string({ unit: 'binary' }), (text) => {
    const document = JSON.parse(format(testAlert(0, { fields: { 'proc.name': text } }))) as {
      output_fields: Record<string, unknown>;
    };
    assert.equal(document.output_fields['proc.name'], Buffer.from(text).toString('utf8'));
  });
  fc.assert(property, { numRuns: 500 });
});

test('a CEF line gives back its header and extension fields', () => {
  const format = makeFormatter('cef', {}, { version: '0.1.0' });
  const property = fc.property(anyAlert, (alert) => {
    const { head, extension } = parseCef(format(alert));
    assert.equal(head.length, 7);
    assert.equal(extension.get('externalId'), alert.uuid);
    assert.equal(extension.get('act'), alert.guarantee);
    if (/^[ -~]+$/.test(alert.rule)) assert.equal(head[5], alert.rule);
    if (/^[!-~]+$/.test(alert.message)) assert.equal(extension.get('msg'), alert.message);
  });
  fc.assert(property, { numRuns: 300 });
});

/** A reader of CEF as the format is described: unescaped `|` divides the header, ` key=` the extension. */
function parseCef(line: string): { head: string[]; extension: Map<string, string> } {
  const parts = line.split(/(?<!(?<!\\)(?:\\\\)*\\)\|/);
  const head = parts.slice(0, 7).map((part) => part.replace(/\\([\\|])/g, '$1'));
  const text = parts.slice(7).join('|');
  const extension = new Map<string, string>();
  const keys = [...text.matchAll(/(?:^| )([A-Za-z0-9]+)=/g)];
  for (const [i, match] of keys.entries()) {
    const end = keys[i + 1]?.index ?? text.length;
    extension.set(
      String(match[1]),
      text.slice(match.index + match[0].length, end).replace(/\\([\\=])/g, '$1'),
    );
  }
  return { head, extension };
}

test('RFC 5424 structured data gives back its parameters', () => {
  const format = makeFormatter('rfc5424', {}, { version: '0.1.0' });
  const property = fc.property(anyAlert, (alert) => {
    const line = format(alert);
    const pattern =
      /^<(\d{1,3})>1 (\S+) (\S{1,255}) (\S{1,48}) (\S{1,128}) (\S{1,32}) (\[(?:[^\]\\]|\\.)*\]) (.*)$/;
    const match = pattern.exec(line);
    assert.ok(match, line);
    assert.equal(Number(match[1]), 8 + alert.priority);
    const rule = / rule="((?:[^"\\\]]|\\.)*)"/.exec(String(match[7]))?.[1];
    if (/^[ -~]+$/.test(alert.rule)) assert.equal(rule?.replace(/\\(["\\\]])/g, '$1'), alert.rule);
  });
  fc.assert(property, { numRuns: 300 });
});

test('CloudEvents headers are printable ASCII and decode to the attributes', () => {
  for (const alert of Object.values(SAMPLES)) {
    const headers = cloudEventHeaders(alert);
    for (const header of Object.values(headers)) assert.match(header, /^[!-~]*$/);
    assert.equal(decodeURIComponent(headers['ce-subject'] ?? ''), Buffer.from(alert.rule).toString('utf8'));
    assert.equal(headers['ce-id'], alert.uuid);
  }
});
