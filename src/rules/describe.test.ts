import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { describeRule, describeRules } from './describe.ts';
import { explain } from './explain.ts';
import { formatRulesFile } from './fmt.ts';
import { KEY_DOCS } from './load/key-docs.ts';
import { loadRules } from './load/load.ts';
import { RULE_KEYS } from './load/rule-keys.ts';
import { TEST_EVENTS, TEST_FIELDS } from './testing/fixture.ts';
import { validationResult, validationText } from './validate.ts';

const OPTIONS = { fields: TEST_FIELDS, events: TEST_EVENTS };

const YAML = `
- required_engine_version: 0.50.0
- required_plugin_versions:
    - name: container
      version: 0.4.0
      alternatives:
        - {name: other, version: 1.2.3}
- list: shells
  items: [bash, sh]
- list: programs
  items: [shells, "x y"]
- macro: spawned
  condition: evt.type in (execve, execveat)
- macro: shell
  condition: spawned and proc.name in (shells)
- rule: A shell
  desc: someone starts a shell
  condition: shell and not proc.pname in (programs) and container.id != host and proc.aname[2] exists
  output: "shell %proc.name by %proc.aname[2] %fd.name"
  priority: WARNING
  tags: [b, a]
  enforce: kill
  exceptions:
    - {name: e, fields: [proc.name, tolower(fd.name)], comps: [=, startswith], values: [[a, /x]]}
    - {name: empty, fields: proc.cmdline}
`;

const load = (text: string) => loadRules([{ name: 'x.yaml', text }], OPTIONS);

describe('descriptions', () => {
  it('have the shape of Falco’s', () => {
    const described = describeRules(load(YAML));
    assert.equal(described.required_engine_version, '0.50.0');
    assert.deepEqual(described.required_plugin_versions, [
      { name: 'container', version: '0.4.0', alternatives: [{ name: 'other', version: '1.2.3' }] },
    ]);
    const [rule] = described.rules;
    assert.deepEqual(rule?.info, {
      name: 'A shell',
      condition: 'shell and not proc.pname in (programs) and container.id != host and proc.aname[2] exists',
      priority: 'Warning',
      output: 'shell %proc.name by %proc.aname[2] %fd.name',
      description: 'someone starts a shell',
      enabled: true,
      source: 'syscall',
      tags: ['a', 'b'],
    });
    assert.deepEqual(rule?.details, {
      macros: ['shell'],
      lists: ['programs'],
      condition_operators: ['!=', '=', 'exists', 'in', 'startswith'],
      condition_fields: ['container.id', 'evt.type', 'fd.name', 'proc.aname[2]', 'proc.name', 'proc.pname'],
      output_fields: ['proc.name', 'proc.aname[2]', 'fd.name'],
      exception_fields: ['proc.name', 'tolower(fd.name)'],
      exception_names: ['e', 'empty'],
      exception_operators: ['=', 'startswith', 'in'],
      events: ['execve', 'execveat'],
      condition_compiled:
        '(((evt.type in (execve, execveat) and proc.name in (bash, sh)) and not proc.pname in (bash, sh, "x y") and container.id != host and proc.aname[2] exists) and not (proc.name = a and tolower(fd.name) startswith /x))',
      output_compiled: 'shell %proc.name by %proc.aname[2] %fd.name',
      plugins: ['container'],
    });
    assert.equal(rule?.enforcement.enforce, 'kill');
    assert.deepEqual(
      described.macros.map(({ info, details }) => [
        info.name,
        details.used,
        details.macros,
        details.lists,
        details.events,
        details.condition_compiled,
      ]),
      [
        ['spawned', true, [], [], ['execve', 'execveat'], 'evt.type in (execve, execveat)'],
        [
          'shell',
          true,
          ['spawned'],
          ['shells'],
          ['execve', 'execveat'],
          '(evt.type in (execve, execveat) and proc.name in (bash, sh))',
        ],
      ],
    );
    assert.deepEqual(described.lists, [
      {
        info: { name: 'shells', items: ['bash', 'sh'] },
        details: { used: true, lists: [], items_compiled: ['bash', 'sh'], plugins: [] },
      },
      {
        info: { name: 'programs', items: ['x y'] },
        details: { used: true, lists: ['shells'], items_compiled: ['bash', 'sh', 'x y'], plugins: [] },
      },
    ]);
  });

  it('exist for single rules', () => {
    const result = load(YAML);
    assert.equal(describeRule(result, 'A shell')?.info.name, 'A shell');
    assert.equal(describeRule(result, 'No shell'), undefined);
  });
});

describe('validation results', () => {
  const bad =
    '- rule: r\n  desc: d\n  condition: evt.type = open and proc.nme = x\n  output: x\n  priority: INFO\n  colour: red\n';

  it('have the shape of Falco’s', () => {
    const result = validationResult(load(bad));
    assert.equal(result.successful, false);
    const [file] = result.falco_load_results;
    assert.equal(file?.name, 'x.yaml');
    assert.equal(file?.schema_valid, false);
    assert.deepEqual(
      file?.warnings.map((entry) => entry.code),
      ['LOAD_UNKNOWN_KEY'],
    );
    const [error] = file?.errors ?? [];
    assert.equal(error?.code, 'LOAD_ERR_COMPILE_CONDITION');
    assert.equal(error?.codedesc, 'Error compiling condition');
    assert.equal(error?.message, 'nonexistent field proc.nme');
    assert.match(error?.help ?? '', /did you mean proc\.name/);
    assert.deepEqual(
      error?.context.locations.map(({ item_type, item_name, position }) => [
        item_type,
        item_name,
        position.line,
        position.column,
        position.offset,
      ]),
      [
        ['rule', 'r', 0, 2, 2],
        ['rule condition', '', 2, 13, 33],
        ['condition expression', '', 2, 33, 53],
      ],
    );
    assert.match(error?.context.snippet ?? '', /^------\n {2}condition: .*\n {33}\^\n------\n$/);
  });

  it('count warnings as errors when strict', () => {
    const doubtful = load('- list: l\n  items: [a]');
    assert.equal(validationResult(doubtful).successful, true);
    assert.equal(validationResult(doubtful, true).successful, false);
  });

  it('can be read as text', () => {
    assert.equal(validationText(load('')), 'x.yaml: Ok\n');
    assert.match(
      validationText(load('- list: l\n  items: [a]')),
      /^x\.yaml: Ok, with warnings\n1 Warning:\n1\. LOAD_UNUSED_LIST/,
    );
    const text = validationText(load(bad));
    assert.match(
      text,
      /^x\.yaml: Invalid\n1 Error:\n1\. LOAD_ERR_COMPILE_CONDITION: nonexistent field proc\.nme\n {3}at x\.yaml:3:34\n {3}in rule 'r'\n/,
    );
  });
});

describe('explanations', () => {
  it('know fields, operators, words and codes', () => {
    const kind = (name: string): string => {
      const found = explain(name, TEST_FIELDS);
      return 'kind' in found ? found.kind : `did you mean ${found.suggestions[0]}`;
    };
    assert.equal(kind('proc.name'), 'field');
    assert.equal(kind('%proc.aname[2]'), 'field');
    assert.equal(kind('evt.arg.flags'), 'field');
    assert.equal(kind('startswith'), 'operator');
    assert.equal(kind('anyof'), 'word');
    assert.equal(kind('tolower'), 'word');
    assert.equal(kind('load_no_evttype'), 'code');
    assert.equal(kind('proc.nmae'), 'did you mean proc.name');
    assert.equal(kind('starstwith'), 'did you mean startswith');
  });

  it('know every key of a rule', () => {
    assert.deepEqual(
      RULE_KEYS.filter((key) => !Object.hasOwn(KEY_DOCS, key)),
      [],
    );
    assert.ok('kind' in explain('enforce', TEST_FIELDS));
  });

  it('list the operators and the restrictions of a field', () => {
    const found = explain('proc.aname', TEST_FIELDS);
    assert.ok('kind' in found && found.kind === 'field', 'it is a field');
    assert.deepEqual(found.field.forms, ['proc.aname', 'proc.aname[N]']);
    assert.ok(found.field.operators.includes('pmatch'), 'texts have pmatch');
    assert.ok(
      found.field.notes.some((note) => note.includes('one of them')),
      'it ranges over ancestors',
    );
  });
});

describe('formatting', () => {
  it('keeps comments and contents, and tidies blanks', () => {
    const text =
      '\n\n# head  \n\n\n- list: a   # why\n  items: [x,\n\n    y]\n# about b\n- macro: b\n  condition: >\n    a.b = 1\n\n    and m\n\n\n\n- list: c\n  items: []\n\n\n# tail\n\n';
    const result = formatRulesFile(text);
    assert.ok(result.ok, 'it can be formatted');
    assert.equal(
      result.text,
      '# head\n\n- list: a   # why\n  items: [x,\n\n    y]\n\n# about b\n- macro: b\n  condition: >\n    a.b = 1\n\n    and m\n\n- list: c\n  items: []\n\n# tail\n',
    );
    const again = formatRulesFile(result.text);
    assert.ok(again.ok && !again.changed, 'formatting twice changes nothing');
  });

  it('refuses what it would change, and what is not YAML', () => {
    assert.equal(formatRulesFile('- macro: m\n  condition: |\n    a.b = "x   \n    y"\n').ok, false);
    assert.equal(formatRulesFile('- [').ok, false);
    for (const other of ['services:\n  web: 1\n', '- name: a   \n- name: b\n', 'some text\n'])
      assert.match(JSON.stringify(formatRulesFile(other)), /no rules file/, other);
    for (const empty of ['', '# nothing yet\n', '[]\n']) assert.equal(formatRulesFile(empty).ok, true, empty);
    assert.deepEqual(formatRulesFile('\ufeff- list: l\n  items: [a]\n'), {
      ok: true,
      text: '- list: l\n  items: [a]\n',
      changed: true,
    });
  });
});
