import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { compileOutputFormat } from '../condition.ts';
import { loadRules } from '../load/load.ts';
import type { AppendOutput } from '../load/outputs.ts';
import { ipv4, TEST_EVENTS, TEST_FIELDS, type TestEvent } from '../testing/fixture.ts';

const OPTIONS = { fields: TEST_FIELDS, events: TEST_EVENTS };

const EVENT: TestEvent = {
  type: 'openat',
  values: {
    'proc.name': 'cat',
    'proc.pid': 42,
    'proc.aname': ['bash', 'sshd'],
    'proc.aname[2]': 'sshd',
    'proc.duration': 12_345_678_901_234_567n,
    'evt.arg.uid': 'root',
    'evt.arg.flags': 'O_RDONLY',
    'evt.failed': false,
    'evt.rawtime': 1_785_492_930_000_000_123n,
    'evt.rawtime.ns': 123,
    'evt.time': '10:15:30.000000123',
    'evt.args[0]': 'x',
    'fd.name': Buffer.from('/tmp/größe').toString('latin1'),
    'fd.nameraw': 'a\xffb',
    'fd.dev': 0xfd00,
    'fd.sip': ipv4('10.0.0.1'),
    'fd.cip': `\x20\x01\x0d\xb8${'\0'.repeat(11)}\x01`,
    'fd.types': ['file', 'ipv4'],
    'evt.buffer': 'aGk=',
    'container.label[app.kubernetes.io/name]': 'web',
  },
};

/** format, message, fields */
const RENDERED: readonly (readonly [string, string, Record<string, unknown>])[] = [
  ['plain text', 'plain text', {}],
  ['', '', {}],
  ['*starred %proc.name', 'starred cat', { 'proc.name': 'cat' }],
  ['%proc.name,(%proc.pid).', 'cat,(42).', { 'proc.name': 'cat', 'proc.pid': 42 }],
  ['a=%proc.name b=%proc.name', 'a=cat b=cat', { 'proc.name': 'cat' }],
  ['%proc.exe|%user.uid', '<NA>|<NA>', { 'proc.exe': null, 'user.uid': null }],
  ['%evt.arg.uid)', 'root)', { 'evt.arg.uid': 'root' }],
  [
    '%evt.arg.uidX %evt.arg.flags.',
    'rootX O_RDONLY.',
    { 'evt.arg.uid': 'root', 'evt.arg.flags': 'O_RDONLY' },
  ],
  ['%proc.aname[2]/%proc.aname[3]', 'sshd/<NA>', { 'proc.aname[2]': 'sshd', 'proc.aname[3]': null }],
  ['%proc.aname', 'bash sshd', { 'proc.aname': 'bash sshd' }],
  ['%6proc.name|%2proc.name|%4proc.pid|', 'cat   |ca|42  |', { 'proc.name': 'cat', 'proc.pid': 42 }],
  ['%8fd.name|%12fd.name|', '/tmp/gr\ufffd|/tmp/größe|', { 'fd.name': '/tmp/größe' }],
  ['%6proc.exe|', '<NA>  |', { 'proc.exe': null }],
  ['%fd.nameraw', 'a\ufffdb', { 'fd.nameraw': 'a\ufffdb' }],
  ['%evt.failed', 'false', { 'evt.failed': false }],
  ['%proc.duration', '12345678901234567', { 'proc.duration': 12345678901234567n }],
  ['%evt.rawtime.ns', '000000123', { 'evt.rawtime.ns': '000000123' }],
  ['%evt.time', '10:15:30.000000123', { 'evt.time': 1785492930000000123n }],
  ['%fd.dev', 'FD00', { 'fd.dev': 'FD00' }],
  ['%fd.sip %fd.cip', '10.0.0.1 2001:db8::1', { 'fd.sip': '10.0.0.1', 'fd.cip': '2001:db8::1' }],
  ['%fd.types', '(file,ipv4)', { 'fd.types': ['file', 'ipv4'] }],
  // The fields in transformers are told as they are.
  ['%toupper(proc.name)!', 'CAT!', { 'proc.name': 'cat' }],
  ['%toupper(tolower(proc.name)) %proc.name', 'CAT cat', { 'proc.name': 'cat' }],
  ['%b64(evt.buffer) %len(proc.name)', 'hi 3', { 'evt.buffer': 'aGk=', 'proc.name': 'cat' }],
  ['%concat(proc.name, "-", evt.arg.uid)', 'cat-root', { 'proc.name': 'cat', 'evt.arg.uid': 'root' }],
  ['%tolower(proc.exe)', '<NA>', { 'proc.exe': null }],
  ['%container.label[app.kubernetes.io/name]', 'web', { 'container.label[app.kubernetes.io/name]': 'web' }],
  ['größe %proc.name größe', 'größe cat größe', { 'proc.name': 'cat' }],
  ['%evt.type', 'openat', { 'evt.type': 'openat' }],
  ['%proc.name[%evt.type]', 'cat[openat]', { 'proc.name': 'cat', 'evt.type': 'openat' }],
  ['%proc.name[ %evt.type ]', 'cat[ openat ]', { 'proc.name': 'cat', 'evt.type': 'openat' }],
  ['%proc.name[2] %proc.name[]', 'cat[2] cat[]', { 'proc.name': 'cat' }],
  ['%proc.name["', 'cat["', { 'proc.name': 'cat' }],
  ['%proc.namex[2]', 'catx[2]', { 'proc.name': 'cat' }],
];

const REFUSED: readonly (readonly [string, RegExp, number])[] = [
  ['100%', /invalid formatting token/, 4],
  ['a % b', /invalid formatting token/, 3],
  ['%% %proc.name', /invalid formatting token/, 1],
  ['x %proc.nme', /nonexistent field proc\.nme/, 3],
  ['%fd.ip', /conditions only/, 1],
  ['%fd.net', /conditions only/, 1],
  ['%evt.arg', /needs an argument/, 1],
  ['%evt.arg[x]', /is a number|needs an argument/, 1],
  ['%proc.nme[2]', /nonexistent field proc\.nme/, 1],
  ['%tolower(proc.pid)', /not a text/, 1],
  ['%tolower(proc.aname)', /transformer/, 1],
  ['*%nothing', /invalid formatting token/, 2],
];

describe('output formats', () => {
  for (const [format, message, fields] of RENDERED) {
    it(`renders ${JSON.stringify(format)}`, () => {
      const compiled = compileOutputFormat(format, OPTIONS);
      assert.ok(compiled.ok, 'the format compiles');
      assert.deepEqual(compiled.format.render(EVENT), { message, fields });
      assert.deepEqual(compiled.format.fieldNames, Object.keys(fields));
    });
  }

  for (const [format, message, column] of REFUSED) {
    it(`refuses ${JSON.stringify(format)}`, () => {
      const compiled = compileOutputFormat(format, OPTIONS);
      assert.ok(!compiled.ok, 'the format does not compile');
      assert.match(compiled.diagnostics[0]?.message ?? '', message);
      assert.equal(compiled.diagnostics[0]?.column, column);
    });
  }

  it('says that a % begins a field', () => {
    const compiled = compileOutputFormat('100% of %proc.name', OPTIONS);
    assert.match(compiled.ok ? '' : (compiled.diagnostics[0]?.help ?? ''), /begins a field/);
  });

  it('yields nothing for a strict format with a missing value', () => {
    const strict = compileOutputFormat('%proc.name %proc.exe', { ...OPTIONS, lenient: false });
    assert.ok(strict.ok, 'the format compiles');
    assert.equal(strict.format.render(EVENT), undefined);
    const starred = compileOutputFormat('*%proc.name %proc.exe', { ...OPTIONS, lenient: false });
    assert.ok(starred.ok, 'the format compiles');
    assert.equal(starred.format.render(EVENT)?.message, 'cat <NA>');
  });

  it('knows which outputs need late metadata', () => {
    for (const [format, late] of [
      ['%proc.name', false],
      ['%container.image.tag', true],
      ['%tolower(k8s.ns.name)', true],
    ] as const) {
      const compiled = compileOutputFormat(format, OPTIONS);
      assert.ok(compiled.ok, 'the format compiles');
      assert.equal(compiled.format.late, late);
    }
  });
});

const RULE = (name: string, output: string): string =>
  `- rule: ${name}\n  desc: d\n  condition: evt.type = openat\n  output: "${output}"\n  priority: INFO\n  tags: [net, host]\n`;

const render = (appendOutput: readonly AppendOutput[], output = 'seen %proc.name') => {
  const result = loadRules([{ name: 'x', text: RULE('r', output) }], { ...OPTIONS, appendOutput });
  return { result, rendered: result.rules?.rules[0]?.render(EVENT) };
};

describe('appended outputs', () => {
  it('are put behind the message in order, one blank each', () => {
    const { rendered } = render([{ extraOutput: 'pid=%proc.pid' }, { suggestedOutput: true }]);
    assert.equal(
      rendered?.message,
      'seen cat pid=42 container_image_repository=<NA> container_image_tag=<NA> k8s_pod_name=<NA> k8s_ns_name=<NA>',
    );
    assert.equal(rendered?.fields['container.image.tag'], null);
  });

  it('add fields that keep their type, or formatted texts under a key', () => {
    const { rendered } = render([
      { extraFields: ['proc.pid', { key: 'who', format: '%evt.arg.uid@%proc.name' }] },
    ]);
    assert.deepEqual(rendered, {
      message: 'seen cat',
      fields: { 'proc.name': 'cat', 'proc.pid': 42, who: 'root@cat' },
    });
  });

  it('are read and waited for as the message is, in fields beside it and in transformers too', () => {
    const outputOf = (appendOutput: readonly AppendOutput[], output?: string) =>
      render(appendOutput, output).result.rules!.rules[0]!.output;
    const beside = outputOf([
      { extraFields: ['container.image.tag', { key: 'env', format: '%proc.env[PATH] %proc.name' }] },
    ]);
    assert.equal(beside.late, true);
    assert.deepEqual(beside.allNames, ['proc.name', 'container.image.tag', 'proc.env[PATH]']);
    assert.deepEqual([...beside.reads], ['env']);
    const within = outputOf([], '%toupper(proc.cwd) %proc.pid %proc.pid');
    assert.equal(within.late, false);
    assert.deepEqual(within.allNames, ['proc.cwd', 'proc.pid']);
    assert.deepEqual([...within.reads], ['cwd']);
    assert.deepEqual(within.fieldNames, ['proc.cwd', 'proc.pid']);
  });

  it('apply to the rules that match in every part', () => {
    const message = (match: AppendOutput['match']): string | undefined =>
      render([{ ...(match === undefined ? {} : { match }), extraOutput: 'more' }]).rendered?.message;
    for (const match of [
      undefined,
      {},
      { rule: 'r' },
      { source: 'syscall' },
      { tags: ['net'] },
      { rule: 'r', tags: ['host', 'net'] },
    ]) {
      assert.equal(message(match), 'seen cat more');
    }
    for (const match of [
      { rule: 'R' },
      { source: 'other' },
      { tags: ['net', 'file'] },
      { rule: 'x', tags: ['net'] },
    ]) {
      assert.equal(message(match), 'seen cat');
    }
  });

  it('make every rule fail that they do not fit', () => {
    const { result } = render([{ extraOutput: '%proc.nme' }, { extraFields: ['proc.nme'] }]);
    assert.equal(result.ok, false);
    assert.ok(result.diagnostics.every((diagnostic) => diagnostic.code === 'LOAD_ERR_COMPILE_OUTPUT'));
  });

  it('replace %container.info by nothing', () => {
    const { rendered } = render([], 'seen %proc.name (%container.info)');
    assert.equal(rendered?.message, 'seen cat ()');
  });
});
