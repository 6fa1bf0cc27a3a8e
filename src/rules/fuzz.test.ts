import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileCondition, compileOutputFormat } from './condition.ts';
import { describeRules } from './describe.ts';
import { formatRulesFile } from './fmt.ts';
import { parseCondition } from './lang/parser.ts';
import { printExpr } from './lang/print.ts';
import { loadRules } from './load/load.ts';
import { conditions } from './testing/arbitrary.ts';
import { TEST_EVENTS, TEST_FIELDS } from './testing/fixture.ts';
import { validationText } from './validate.ts';

const OPTIONS = { fields: TEST_FIELDS, events: TEST_EVENTS };

/** Pieces that hostile conditions are made of. */
const TOKENS = [
  'and',
  'or',
  'not',
  '(',
  ')',
  '"',
  "'",
  '\\',
  ',',
  '=',
  '!=',
  '<',
  '>=',
  'in',
  'pmatch',
  'exists',
  'contains',
  'glob',
  'regex',
  'anyof',
  'proc.name',
  'fd.net',
  'evt.type',
  'evt.arg',
  'proc.aname[2]',
  'val(',
  'tolower(',
  'join(',
  '[',
  ']',
  '0x1f',
  '-1',
  '1e+9',
  'x',
  'é',
  '\0',
  '\x0b',
  ' ',
  '\n',
  '*',
  '[a',
  '10.0.0.0/8',
  '::1',
  '.',
  '%',
];
const hostile = fc.oneof(
  fc.array(fc.constantFrom(...TOKENS), { maxLength: 25 }).map((tokens) => tokens.join(' ')),
  fc.array(fc.constantFrom(...TOKENS), { maxLength: 25 }).map((tokens) => tokens.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

/** A condition with a piece removed, doubled or replaced. */
const mutated = fc
  .tuple(conditions, fc.nat(), fc.nat({ max: 6 }), fc.constantFrom('', ...TOKENS))
  .map(([text, at, length, insert]) => {
    const start = at % (text.length + 1);
    return text.slice(0, start) + insert + text.slice(start + length);
  });

const KEYS = [
  'rule',
  'macro',
  'list',
  'condition',
  'items',
  'output',
  'desc',
  'priority',
  'override',
  'append',
  'exceptions',
  'name',
  'fields',
  'comps',
  'values',
  'tags',
  'enabled',
  'source',
  'required_engine_version',
  'required_plugin_versions',
  'version',
  'alternatives',
  'respond',
  'scope',
  'enforce',
  'x',
];
const WORDS = [
  'r',
  'm',
  'l',
  'm and l',
  'proc.name = l',
  'evt.type = open',
  'proc.name in (l)',
  'append',
  'replace',
  'true',
  'INFO',
  '%proc.name',
  '0.1.0',
  'in',
  '=',
  '',
  'null',
  '[',
  '1',
];
const node = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(...WORDS, null),
    fc.array(tie('value'), { maxLength: 4 }),
    tie('map'),
  ),
  map: fc.dictionary(fc.constantFrom(...KEYS), tie('value'), { maxKeys: 6 }),
}));
/** Files that nearly make sense: YAML is a superset of JSON. */
const files = fc.array(node.value, { maxLength: 8 }).map((entries) => JSON.stringify(entries, null, 1));

function check(text: string): void {
  const result = loadRules([{ name: 'x', text }], OPTIONS);
  assert.equal(result.ok, result.rules !== undefined);
  describeRules(result);
  validationText(result);
  formatRulesFile(text);
  for (const diagnostic of result.diagnostics) {
    assert.ok(diagnostic.line >= 1 && diagnostic.column >= 1, diagnostic.message);
    assert.ok(diagnostic.offset <= Buffer.byteLength(text), diagnostic.message);
  }
}

describe('hostile input', () => {
  it('to the parser gives a tree or a fault, and trees print to themselves', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, mutated), (text) => {
        const result = parseCondition(text);
        if (!result.ok) {
          assert.ok(result.at <= Buffer.byteLength(text), 'the fault lies in the text');
          return;
        }
        const printed = printExpr(result.expr);
        const again = parseCondition(printed);
        // Values that only quotes can carry are shown without them, as Falco does: they may read back as something else.
        if (again.ok && !/["']/.test(text)) assert.equal(printExpr(again.expr), printed);
      }),
      { numRuns: 4000 },
    );
  });

  it('to the compiler gives a filter that runs, or diagnostics', () => {
    fc.assert(
      fc.property(fc.oneof(hostile, mutated), (text) => {
        const compiled = compileCondition(text, OPTIONS);
        if (compiled.ok) compiled.test({ type: 'open', values: { 'proc.name': 'x' } });
        else assert.ok(compiled.diagnostics.length > 0, text);
      }),
      { numRuns: 2000 },
    );
  });

  it('to output formats gives a format that renders, or diagnostics', () => {
    const format = fc.array(
      fc.oneof(
        fc.constantFrom(...TOKENS, '%', '%12', '%proc.name', '%fd.types'),
        fc.string({ unit: 'binary', maxLength: 5 }),
      ),
      { maxLength: 12 },
    );
    fc.assert(
      fc.property(format, (pieces) => {
        const compiled = compileOutputFormat(pieces.join(''), OPTIONS);
        if (compiled.ok) compiled.format.render({ type: 'open', values: {} });
        else assert.ok(compiled.diagnostics.length > 0, pieces.join(''));
      }),
      { numRuns: 2000 },
    );
  });

  it('as rule files of bytes gives diagnostics', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 200 }), check), { numRuns: 400 });
  });

  it('as rule files of known words in any shape gives diagnostics', () => {
    fc.assert(fc.property(files, check), { numRuns: 1200 });
  });

  it('as a cut rule file gives diagnostics', () => {
    const whole =
      '- list: l\n  items: [a, "b c"]\n- macro: m\n  condition: >\n    proc.name in (l)\n    or fd.name = x\n- rule: r\n  desc: d\n  condition: evt.type = open and m\n  output: "%proc.name"\n  priority: INFO\n  exceptions:\n    - {name: e, fields: [proc.name], values: [[x]]}\n';
    for (let length = 0; length <= whole.length; length++) check(whole.slice(0, length));
  });

  it('cannot exhaust time or memory', () => {
    const n = 20_000;
    const texts = [
      '['.repeat(n),
      `- list: l\n  items: [${'x,'.repeat(n)}x]`,
      `- macro: m\n  condition: ${'not ('.repeat(n)}`,
      `${'- macro: m\n  condition: m\n'.repeat(2000)}`,
      Array.from(
        { length: 3000 },
        (_, i) => `- macro: m${i}\n  condition: ${i === 0 ? 'proc.name = x' : `m${i - 1}`}\n`,
      ).join(''),
      Array.from(
        { length: 300 },
        (_, i) => `- list: l${i}\n  items: [${i === 0 ? 'x' : `l${i - 1}, l${i - 1}`}]\n`,
      ).join(''),
      `- &a [x, x, x, x]\n${Array.from({ length: 12 }, (_, i) => `- &${'abcdefghijklm'[i + 1]} [${`*${'abcdefghijklm'[i]}, `.repeat(9)}x]\n`).join('')}`,
    ];
    // What is not bounded here does not end: the run's limit per file fails it.
    for (const text of texts) loadRules([{ name: 'x', text }], OPTIONS);
  });
});

describe('large rule sets', () => {
  it('of ten thousand rules load in under five seconds', () => {
    const rules = Array.from(
      { length: 10_000 },
      (_, i) =>
        `- rule: rule ${i}\n  desc: rule number ${i}\n  condition: >\n    evt.type in (open, openat) and open_read and proc.name in (shells, x${i})\n    and fd.name startswith /etc/x${i} and not proc.pname in (a, b)\n  output: rule ${i} saw %proc.name open %fd.name\n  priority: WARNING\n  tags: [a, b]\n`,
    );
    const head =
      '- list: shells\n  items: [bash, sh]\n- macro: open_read\n  condition: evt.is_open_read=true and fd.typechar=f\n';
    const cpu = process.cpuUsage();
    const result = loadRules([{ name: 'x', text: head + rules.join('') }], OPTIONS);
    const { user, system } = process.cpuUsage(cpu);
    assert.equal(result.rules?.rules.length, 10_000);
    assert.ok((user + system) / 1e6 < 5, `took ${(user + system) / 1e6} s of CPU`);
  });
});
