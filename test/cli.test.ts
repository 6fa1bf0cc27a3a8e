import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readlinkSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { PACKAGE_ROOT } from '../src/engine/core/package.ts';

const launcher = join(PACKAGE_ROOT, 'bin/ringfence');
const folder = mkdtempSync(join(tmpdir(), 'rf-cli-'));
after(() => rmSync(folder, { recursive: true }));

interface Run {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function ringfence(
  args: readonly string[],
  options: { input?: string; env?: Record<string, string>; bin?: string } = {},
): Run {
  const env = { ...process.env, RINGFENCE_SKIP_SETUP: '1', NODE_NO_WARNINGS: '1', ...options.env };
  return spawnSync(options.bin ?? launcher, args, { encoding: 'utf8', env, input: options.input ?? '' });
}

const file = (name: string, text: string): string => {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
};

const GOOD =
  '- rule: A\n  desc: d\n  condition: evt.type = openat and proc.name = cat\n  output: x %fd.name\n  priority: INFO\n';

test('the launcher works through a chain of symbolic links', () => {
  const first = join(folder, 'first');
  symlinkSync(launcher, first);
  symlinkSync('first', join(folder, 'second'));
  assert.equal(readlinkSync(join(folder, 'second')), 'first');
  const { status, stdout } = ringfence(['version', '--json'], { bin: join(folder, 'second') });
  assert.equal(status, 0);
  assert.equal((JSON.parse(stdout) as { schema: string }).schema, 'ringfence.version.v1');
});

test('wrong usage is 2, with the nearest name, and nothing on stdout', () => {
  for (const [args, hint] of [
    [['valdate'], 'did you mean "validate"'],
    [['version', '--jsn'], '--json'],
    [['-V', 'x.yaml'], 'ringfence validate FILE'],
    [['run', '--duration', 'long'], '30s'],
    [['run', '-o', 'xml'], 'text or json'],
    [['explain', 'proc.nam'], 'proc.name'],
    [['explain', 'log.levl'], 'log.level'],
    [['stop'], 'systemctl stop ringfence'],
    [['deny', 'rm', '3'], 'ringfence deny remove'],
    [['deny', 'lst'], 'did you mean list'],
    [['deny', 'add', '192.0.2.7', '--port', 'https'], 'is not a port'],
    [['deny', 'frob'], 'add, list, remove, push, import'],
    [['deny', 'add'], 'usage: ringfence deny add [options] <target>'],
    [['record', '-t', 'connect', 'net.rfr'], '--type takes all words that follow it'],
  ] as const) {
    const { status, stdout, stderr } = ringfence(args);
    assert.equal(status, 2, args.join(' '));
    assert.equal(stdout, '');
    assert.ok(stderr.includes(hint), `${args.join(' ')}: ${stderr}`);
  }
});

test('--version is the command version; help finds commands below a command', () => {
  assert.equal(ringfence(['--version']).stdout, ringfence(['version']).stdout);
  assert.match(ringfence(['help', 'deny', 'add']).stdout, /^Usage: ringfence deny add .*<target>/);
});

test('explain knows keys of rules and options of the configuration', () => {
  assert.match(ringfence(['explain', 'enforce']).stdout, /deny \(refuse\)/);
  const option = JSON.parse(ringfence(['explain', 'outputs.http.body', '--json']).stdout) as {
    values: string[];
    default: string;
  };
  assert.deepEqual([option.values, option.default], [['single', 'array', 'lines'], '"single"']);
});

test('a step of `rules` that means no rule is told', () => {
  const path = file('steps.yaml', 'rules:\n  - disable: {rule: "Password*"}\n  - enable: {rule: "Nope*"}\n');
  const { status, stderr } = ringfence(['validate', '-c', path]);
  assert.equal(status, 0);
  assert.match(stderr, /enable Nope\*: no loaded rule/);
  assert.doesNotMatch(stderr, /Password/);
});

test('a filter that leaves no case is not a success', () => {
  const { status, stderr } = ringfence(['test', '--filter', 'no such rule']);
  assert.equal(status, 3);
  assert.match(stderr, /E_RULE_TEST.*"no such rule"/);
});

test('a line that is not YAML is one error', () => {
  const path = file('line.yaml', '- rule: a\n  output: "x" y: "z", w: {}\n');
  const { falco_load_results } = JSON.parse(ringfence(['validate', '--json', path]).stdout) as {
    falco_load_results: { errors: unknown[] }[];
  };
  assert.equal(falco_load_results[0]?.errors.length, 1);
});

test('a fleet is not told what its hosts would refuse', () => {
  const args = ['--nats', 'nats://127.0.0.1:1', '--secret-file', file('fleet.key', 'x'.repeat(64))];
  const { status, stdout, stderr } = ringfence(['deny', 'push', 'foo', ...args]);
  assert.deepEqual([status, stdout], [3, '']);
  assert.match(stderr, /E_DENY.*"foo" is neither/);
});

test('validate says 0 for good rules and 3 for bad ones, as one JSON document with Falco’s members', () => {
  const good = ringfence(['validate', '--json', file('good.yaml', GOOD)]);
  assert.equal(good.status, 0, good.stderr);
  assert.equal(
    (JSON.parse(good.stdout) as { falco_load_results: { successful: boolean }[] }).falco_load_results[0]
      ?.successful,
    true,
  );
  const path = file('bad.yaml', GOOD.replace('proc.name', 'proc.nam'));
  const bad = ringfence(['validate', '--json', path]);
  assert.equal(bad.status, 3);
  const [result] = (
    JSON.parse(bad.stdout) as {
      falco_load_results: { name: string; errors: { code: string; line: number }[] }[];
    }
  ).falco_load_results;
  assert.equal(result?.name, path);
  assert.deepEqual(
    result?.errors.map(({ code, line }) => [code, line]),
    [['LOAD_ERR_COMPILE_CONDITION', 3]],
  );
  assert.equal(ringfence(['validate', '--json', join(folder, 'none.yaml')]).status, 3);
});

test('a rule that shall refuse and that the kernel cannot decide is not valid', () => {
  const path = file(
    'deny.yaml',
    `${GOOD.replace('proc.name = cat', 'proc.cmdline contains x')}  enforce: deny\n`,
  );
  const { status, stdout } = ringfence(['validate', '--json', path]);
  assert.equal(status, 3);
  const [result] = (JSON.parse(stdout) as { falco_load_results: { errors: { code: string }[] }[] })
    .falco_load_results;
  assert.deepEqual(
    result?.errors.map(({ code }) => code),
    ['E_POLICY'],
  );
});

test('conditions are checked one a line; for syntax alone each is a JSON string, and so is each answer', () => {
  const conditions = ['proc.name = cat', 'foo.bar = 1', 'proc.name ='];
  const checked = ringfence(['validate', '--conditions', '-', '--json'], { input: conditions.join('\n') });
  const { conditions: outcomes } = JSON.parse(checked.stdout) as { conditions: { valid: boolean }[] };
  assert.deepEqual(
    outcomes.map(({ valid }) => valid),
    [true, false, false],
  );
  const input = conditions.map((text) => `${JSON.stringify(text)}\n`).join('');
  const syntax = ringfence(['validate', '--conditions', '-', '--syntax'], { input });
  const answers = syntax.stdout.trim().split('\n');
  assert.deepEqual(
    answers.map((line) => (JSON.parse(line) as { ok: boolean }).ok),
    [true, true, false],
  );
});

test('a configuration with mistakes is 3, from every command, with the place of each', () => {
  const config = file('config.yaml', 'mod: enforce\nlog: {level: loud}\n');
  const { status, stdout, stderr } = ringfence(['config', 'print', '-c', config]);
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /config\.yaml:1:1[\s\S]*did you mean "mode"[\s\S]*config\.yaml:2:14/);
  assert.equal(ringfence(['run', '-c', config]).status, 3);
});

test('rules describe gives one JSON document; a piped table is tab-separated', () => {
  const path = file('describe.yaml', GOOD);
  const all = JSON.parse(ringfence(['rules', 'describe', '-r', path, '--json']).stdout) as {
    rules: { info: { name: string } }[];
  };
  assert.deepEqual(
    all.rules.map((rule) => rule.info.name),
    ['A'],
  );
  assert.equal(ringfence(['rules', 'describe', '-r', path]).stdout, 'A\tInformational\tnone\td\n');
});

test('colour is for terminals, or for who asks for it', () => {
  assert.doesNotMatch(ringfence(['vers']).stderr, /\u001b/);
  assert.match(ringfence(['vers'], { env: { FORCE_COLOR: '1' } }).stderr, /\u001b\[/);
  assert.doesNotMatch(ringfence(['vers'], { env: { NO_COLOR: '1' } }).stderr, /\u001b/);
});

test('a reader that leaves early ends the command without a word', () => {
  const run = spawnSync('sh', ['-c', `"${launcher}" list fields | head -n 1`], {
    encoding: 'utf8',
    env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' },
  });
  assert.equal(run.stderr, '');
  assert.match(run.stdout, /^evt\./);
});

test('a full disk below the output is said without a stack', () => {
  const run = spawnSync('sh', ['-c', `"${launcher}" list fields > /dev/full`], {
    encoding: 'utf8',
    env: { ...process.env, RINGFENCE_SKIP_SETUP: '1' },
  });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /^error\[E_SYSTEM\]: ENOSPC/);
  assert.doesNotMatch(run.stderr, /\n\s+at /);
});

test('what the system refuses is no defect, and says what to do', {
  skip: process.geteuid?.() !== 0 && 'needs root',
}, () => {
  const run = spawnSync(process.execPath, [join(PACKAGE_ROOT, 'dist/ringfence/main.js'), 'run'], {
    encoding: 'utf8',
    uid: 65534,
    gid: 65534,
    env: { ...process.env, RINGFENCE__CONTROL__SOCKET: '/proc/ringfence/control.sock' },
  });
  assert.equal(run.status, 1);
  assert.match(run.stderr, /^error\[E_SYSTEM\]: ENOENT/);
  assert.doesNotMatch(run.stderr, /\n\s+at /);
});

test('commands for the running engine say how to start one', () => {
  const { status, stderr } = ringfence(['status', '--socket', join(folder, 'none.sock')]);
  assert.equal(status, 1);
  assert.match(stderr, /E_NOT_RUNNING[\s\S]*ringfence run/);
});
