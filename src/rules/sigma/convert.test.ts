import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { parseCases } from '../cases/cases.ts';
import { RuleTester } from '../cases/run.ts';
import { FIELDS } from '../fields/index.ts';
import { convertSigma, sigmaRulesFile } from './convert.ts';

function sigma(detection: string, category = 'process_creation'): string {
  return `title: T\nid: 1\nauthor: A. Author\nlevel: high\nlogsource: {product: linux, category: ${category}}\ntags: [attack.t1059.004, attack.privilege-escalation]\ndetection:\n${detection
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n')}\n`;
}

/** Whether the converted rule fires on an event. */
function fires(text: string, given: Record<string, unknown>): boolean {
  const converted = convertSigma(text);
  assert.deepEqual(
    converted.flatMap((one) => one.unsupported),
    [],
  );
  const tester = new RuleTester([{ name: 's.yaml', text: sigmaRulesFile(converted) }], FIELDS, EVENT_NAMES);
  assert.deepEqual(
    tester.loaded.diagnostics.filter((d) => d.severity === 'error'),
    [],
  );
  const cases = JSON.stringify([{ rule: 'T', cases: [{ note: '', given, expect: 'alert' }] }]);
  return tester.run(parseCases('c', cases).rules)[0]!.ok;
}

const exec = (fields: Record<string, unknown>): Record<string, unknown> => ({
  'evt.type': 'execve',
  ...fields,
});

const TABLE: readonly [string, string, Record<string, unknown>, boolean][] = [
  ['equality ignores case', 'a: {Image: /bin/NC}\ncondition: a', { 'proc.exepath': '/bin/nc' }, true],
  ['cased does not', 'a: {Image|cased: /bin/NC}\ncondition: a', { 'proc.exepath': '/bin/nc' }, false],
  ['endswith', "a: {Image|endswith: '/nc'}\ncondition: a", { 'proc.exepath': '/usr/bin/NC' }, true],
  ['startswith', 'a: {CommandLine|startswith: Nc}\ncondition: a', { 'proc.exeline': 'nc -l' }, true],
  [
    'a list is alternatives',
    'a: {CommandLine|contains: [x, -e]}\ncondition: a',
    { 'proc.exeline': 'nc -E sh' },
    true,
  ],
  [
    'all asks for each',
    'a: {CommandLine|contains|all: [x, -e]}\ncondition: a',
    { 'proc.exeline': 'nc -e sh' },
    false,
  ],
  ['wildcards', 'a: {CommandLine: "nc *-e ?h"}\ncondition: a', { 'proc.exeline': 'nc 10.0.0.1 -e sh' }, true],
  ['escaped wildcards', "a: {CommandLine: 'rm \\*'}\ncondition: a", { 'proc.exeline': 'rm x' }, false],
  [
    'an escaped wildcard is itself',
    "a: {CommandLine: 'rm \\*'}\ncondition: a",
    { 'proc.exeline': 'rm *' },
    true,
  ],
  ['brackets are no glob', "a: {CommandLine: '[x]*'}\ncondition: a", { 'proc.exeline': '[x] y' }, true],
  [
    'a regular expression searches',
    'a: {CommandLine|re: "n.{1,3}-e"}\ncondition: a',
    { 'proc.exeline': 'x nc -e y' },
    true,
  ],
  ['null is missing', 'a: {ParentImage: null}\ncondition: a', {}, true],
  [
    'fields are all asked for',
    'a: {Image: /bin/nc, User: root}\ncondition: a',
    { 'proc.exepath': '/bin/nc' },
    false,
  ],
  [
    'maps in a list are alternatives',
    'a:\n  - {Image: /x}\n  - {User: eve}\ncondition: a',
    { 'user.name': 'eve' },
    true,
  ],
  [
    'not',
    'a: {User: eve}\nb: {Image: /x}\ncondition: a and not b',
    { 'user.name': 'eve', 'proc.exepath': '/x' },
    false,
  ],
  ['1 of', 'a1: {User: eve}\na2: {Image: /x}\ncondition: 1 of a*', { 'user.name': 'eve' }, true],
  ['all of', 'a1: {User: eve}\na2: {Image: /x}\ncondition: all of a*', { 'user.name': 'eve' }, false],
  [
    'all of them',
    'a: {User: eve}\nb: {Image: /x}\ncondition: all of them',
    { 'user.name': 'eve', 'proc.exepath': '/x' },
    true,
  ],
  [
    'or binds less than and',
    'a: {User: a}\nb: {User: b}\nc: {User: c}\ncondition: a and b or c',
    { 'user.name': 'c' },
    true,
  ],
  [
    'quotes and percent signs',
    `a: {CommandLine|contains: '"%d"'}\ncondition: a`,
    { 'proc.exeline': 'printf "%d"' },
    true,
  ],
];

for (const [name, detection, fields, expected] of TABLE) {
  test(`a Sigma detection keeps its meaning: ${name}`, () => {
    assert.equal(fires(sigma(detection), exec(fields)), expected);
  });
}

test('a command line begins as it was typed, with the directory, and so does that of the parent', () => {
  const given = exec({
    'proc.cmdline': 'evil -x',
    'proc.exeline': '/tmp/x/evil -x',
    'proc.pcmdline': 'sh -c y',
    'proc.pexeline': '/bin/sh -c y',
  });
  for (const [detection, expected] of [
    ["CommandLine|contains: '/tmp/'", true],
    ["CommandLine|startswith: '/tmp/x/evil '", true],
    ["CommandLine|startswith: 'evil'", false],
    ["ParentCommandLine|startswith: '/bin/sh -c'", true],
  ] as const)
    assert.equal(fires(sigma(`a: {${detection}}\ncondition: a`), given), expected, detection);
});

test('connections are matched by address, network and port', () => {
  const text = sigma(
    'a: {DestinationIp|cidr: 203.0.113.0/24, DestinationPort: 443, Initiated: "true"}\ncondition: a',
    'network_connection',
  );
  const given = { 'evt.type': 'connect', 'fd.snet': '203.0.113.9', 'fd.sip': '203.0.113.9', 'fd.sport': 443 };
  assert.equal(fires(text, given), true);
  assert.equal(fires(text, { ...given, 'fd.snet': '198.51.100.1' }), false);
});

test('author, id and ATT&CK tags travel with the rule', () => {
  const [converted] = convertSigma(sigma('a: {User: x}\ncondition: a'));
  const { tags, output, priority } = converted!.rule as { tags: string[]; output: string; priority: string };
  assert.deepEqual(tags, ['T1059.004', 'mitre_privilege_escalation']);
  assert.match(output, /author=A\. Author/);
  assert.equal(priority, 'ERROR');
});

test('everything that cannot be served is named', () => {
  const text = sigma(
    'k: [word]\na: {Imphash: x, CommandLine|base64: y, DestinationHostname: z}\ncondition: a or k or q',
  );
  assert.deepEqual(convertSigma(text)[0]!.unsupported, [
    'the field Imphash',
    'the modifier "base64" of CommandLine',
    'the field DestinationHostname: the kernel sees addresses, not the name that was looked up',
    'keywords without a field',
    'the unknown selection "q"',
  ]);
  assert.match(
    convertSigma(sigma('a: {User: x}\ncondition: a | count() > 3'))[0]!.unsupported[0]!,
    /aggregations/,
  );
  assert.match(
    convertSigma(sigma('a: {User: x}\ncondition: a', 'dns_query'))[0]!.unsupported[0]!,
    /dns_query/,
  );
});

test('no text makes the converter throw, and what it writes loads', () => {
  fc.assert(
    fc.property(
      fc.string(),
      fc.constantFrom('', '|contains', '|startswith', '|endswith', '|cased'),
      (value, modifier) => {
        const detection = JSON.stringify({ a: { [`CommandLine${modifier}`]: value }, condition: 'a' });
        const converted = convertSigma(
          `{"title":"T","logsource":{"category":"process_creation"},"detection":${detection}}`,
        );
        if (converted[0]!.unsupported.length > 0) return;
        const { loaded } = new RuleTester(
          [{ name: 's', text: sigmaRulesFile(converted) }],
          FIELDS,
          EVENT_NAMES,
        );
        assert.deepEqual(
          loaded.diagnostics.filter((d) => d.severity === 'error'),
          [],
        );
      },
    ),
    { numRuns: 200 },
  );
  fc.assert(
    fc.property(fc.string(), (text) => void convertSigma(text)),
    { numRuns: 300 },
  );
});
