import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compileCondition } from './condition.ts';
import { interpret } from './interpret.ts';
import { loadRules } from './load/load.ts';
import { type CompiledRule, RuleSet } from './rule-set.ts';
import { conditions, events } from './testing/arbitrary.ts';
import { ipv4, TEST_EVENTS, TEST_FIELDS, type TestEvent } from './testing/fixture.ts';

const OPTIONS = { fields: TEST_FIELDS, events: TEST_EVENTS };

/** `cat /etc/../etc/shadow` by root from a shell in an ssh session. */
const OPEN: TestEvent = {
  type: 'openat',
  values: {
    'evt.num': 7,
    'evt.res': 'SUCCESS',
    'evt.rawres': 3,
    'evt.arg.flags': 'O_RDONLY',
    'evt.is_open_read': true,
    'evt.is_open_write': false,
    'proc.name': 'cat',
    'proc.args': '/etc/../etc/shadow',
    'proc.cmdline': 'cat /etc/../etc/shadow',
    'proc.exepath': '/usr/bin/cat',
    'proc.aname': ['bash', 'sshd'],
    'proc.aname[0]': 'cat',
    'proc.aname[1]': 'bash',
    'proc.aname[2]': 'sshd',
    'fd.num': 3,
    'fd.name': '/etc/shadow',
    'fd.nameraw': '/etc/../etc/shadow',
    'fd.directory': '/etc',
    'fd.filename': 'shadow',
    'fd.typechar': 'f',
    'fd.ip': [],
    'fd.net': [],
    'container.id': 'host',
    'user.uid': 0,
    'user.loginuid': -1,
  },
};

/** A shell by netcat in a container whose image is not known yet. */
const EXEC: TestEvent = {
  type: 'execve',
  values: {
    'evt.num': 8,
    'proc.name': 'nc',
    'proc.args': '-e /bin/sh',
    'proc.args[0]': '-e',
    'proc.args[1]': '/bin/sh',
    'proc.args[7]': '',
    'proc.env': '',
    'proc.arglist': ['-e', '/bin/sh'],
    'container.id': 'c0ffee',
    'proc.duration': 5_000_000,
    'evt.rawtime': 1_785_492_930_000_000_123n,
    'evt.buffer': '\x7fELF\0\0',
  },
};

const CONNECTING: TestEvent = {
  type: 'connect',
  values: {
    'evt.num': 9,
    'evt.res': 'EINPROGRESS',
    'evt.rawres': -115,
    'fd.l4proto': 'tcp',
    'fd.ip': [ipv4('10.0.0.5'), ipv4('203.0.113.10')],
    'fd.net': [ipv4('10.0.0.5'), ipv4('203.0.113.10')],
    'fd.port': [40000, 443],
    'fd.cip': ipv4('10.0.0.5'),
    'fd.sip': ipv4('203.0.113.10'),
    'fd.snet': ipv4('203.0.113.10'),
    'fd.cport': 40000,
    'fd.sport': 443,
  },
};

const REFUSED: TestEvent = {
  type: 'connect',
  values: { 'evt.num': 1, 'evt.res': 'ECONNREFUSED', 'evt.rawres': -111, 'fd.ip': [] },
};

/** event, condition, does it hold */
const TRUTH: readonly (readonly [TestEvent, string, boolean])[] = [
  [OPEN, 'fd.name = /etc/shadow', true],
  [OPEN, "fd.nameraw glob '*../*'", true],
  [OPEN, 'evt.arg.flags contains O_RDONLY and evt.is_open_read=true', true],
  [OPEN, 'proc.aname = sshd', true],
  [OPEN, 'proc.aname != sshd', true],
  [OPEN, 'not proc.aname = sshd', false],
  [OPEN, 'proc.aname[3] != x', false],
  [OPEN, 'not proc.aname[3] = x', true],
  [OPEN, 'proc.name in ()', false],
  [OPEN, 'not proc.name in ()', true],
  [OPEN, 'fd.ip != "1.2.3.4"', false],
  [OPEN, 'fd.ip = "1.2.3.4" or fd.ip in (1.2.3.4)', false],
  [OPEN, 'fd.ip exists', true],
  [OPEN, 'proc.args endswith shadow and proc.cmdline startswith "cat "', true],
  [OPEN, 'fd.directory = /etc and fd.filename = shadow', true],
  [OPEN, 'fd.name pmatch (/etc)', true],
  [OPEN, 'fd.name pmatch (/etc/sha)', false],
  [OPEN, 'fd.name pmatch (/e*)', true],
  [OPEN, 'fd.name pmatch (/etc/shadow/x)', false],
  [OPEN, 'fd.name pmatch (/)', true],
  [OPEN, 'fd.name pmatch (/usr, /etc/shadow)', true],
  [OPEN, 'fd.name pmatch ()', false],
  [OPEN, "proc.exepath regex 'cat'", false],
  [OPEN, "proc.exepath regex '.*/cat'", true],
  [OPEN, "proc.exepath regex '/usr/(s?bin|lib)/[a-c]+t'", true],
  [OPEN, 'fd.num >= 0 and evt.rawres = 3 and evt.res = SUCCESS', true],
  [OPEN, 'evt.type in (open, openat, openat2) and not evt.type = open', true],
  [OPEN, 'evt.type = open or evt.type = close', false],
  [OPEN, 'evt.type != open', true],
  [OPEN, 'fd.num > 2 and fd.num < 4 and fd.num <= 3 and fd.num >= 3 and not fd.num < 3', true],
  [OPEN, 'user.loginuid = -1', true],
  [OPEN, 'user.uid = -1', false],
  [OPEN, 'evt.is_open_write = false and evt.is_open_write != true', true],
  [OPEN, 'evt.failed = false', false],
  [OPEN, 'not evt.failed = true', true],
  [OPEN, 'proc.name icontains CA and proc.name iglob "C?T" and not proc.name glob "C?T"', true],
  [OPEN, "proc.name glob '[!a-b]a[t]'", true],
  [OPEN, "proc.name glob 'c\\\\at' and proc.name glob '*c*a*t*'", true],
  [OPEN, 'proc.name contains ""', true],
  [OPEN, 'proc.name startswith anyof (x, ca, cat)', true],
  [OPEN, 'proc.name startswith oneof (x, ca, cat)', false],
  [OPEN, 'proc.name startswith oneof (x, cat)', true],
  [OPEN, 'proc.name startswith allof (c, ca, cat)', true],
  [OPEN, 'proc.name = oneof (cat, dog)', true],
  [OPEN, 'proc.name != allof (dog, bird)', true],
  [OPEN, 'proc.name contains allof () or proc.name != allof () or proc.name = allof ()', false],
  [OPEN, 'evt.type = allof ()', false],
  [OPEN, 'not proc.name contains allof ()', true],
  [OPEN, 'proc.name contains anyof () or proc.name contains oneof ()', false],
  [OPEN, 'fd.name endswith anyof (a, b, c, d, e, f, dow)', true],
  [OPEN, 'fd.name startswith anyof (a, b, c, d, e, f, /etc/)', true],
  [OPEN, 'fd.name startswith anyof (a, b, c, d, e, f, /etcetera)', false],
  [OPEN, 'proc.name = val(fd.filename)', false],
  [OPEN, 'fd.directory != val(fd.filename)', true],
  [OPEN, 'fd.name contains val(fd.filename)', true],
  [OPEN, 'fd.name endswith val(fd.filename) and fd.name startswith val(fd.directory)', true],
  [OPEN, 'fd.filename in val(fd.filename)', true],
  [OPEN, 'fd.name = val(proc.pname) or fd.name != val(proc.pname)', false],
  [OPEN, 'toupper(proc.name) = CAT and tolower(toupper(proc.name)) = cat', true],
  [OPEN, 'basename(proc.exepath) = val(proc.name)', true],
  [OPEN, 'len(proc.name) = 3', true],
  [OPEN, 'len(proc.pname) = 0', false],
  [OPEN, 'concat(fd.directory, "/", fd.filename) = val(fd.name)', true],
  [OPEN, 'join(":", (fd.filename, 1, fd.num)) = shadow:1:3', true],
  [EXEC, 'container.image.repository = x', false],
  [EXEC, 'not container.image.repository = x', true],
  [EXEC, 'container.id != host', true],
  [EXEC, 'fd.name exists', false],
  [EXEC, 'fd.name != /x', false],
  [EXEC, 'proc.args contains "-e "', true],
  [EXEC, 'proc.args intersects ("-e", "-c")', false],
  [EXEC, 'proc.args[0] = -e and proc.args[7] = ""', true],
  [EXEC, 'proc.env exists and proc.env = ""', true],
  [EXEC, 'proc.arglist intersects (-e, -c)', true],
  [EXEC, 'proc.arglist in (-e, -c)', false],
  [EXEC, 'proc.arglist in (-e, /bin/sh, x)', true],
  [EXEC, 'len(proc.arglist) = 2', true],
  [EXEC, 'join(" ", proc.arglist) = val(proc.args)', true],
  [EXEC, 'getopt(proc.arglist, "e:x")[e] = /bin/sh', true],
  [EXEC, 'getopt(proc.arglist, "e:x")[x] exists', false],
  [EXEC, 'getopt(proc.arglist, "x") intersects ("?")', true],
  [EXEC, 'getopt(("-ab", "v", "x", "-c"), "ab:c") in (a, b, v)', true],
  [EXEC, 'getopt(("-ab", "v", "x", "-c"), "ab:c")[c] exists', false],
  [EXEC, 'getopt(("-abv", "--long", "-c"), "ab:c") in (a, b, v, c)', true],
  [EXEC, 'getopt(("-a", "--", "-c"), "ac") in (a)', true],
  [EXEC, 'getopt(("-b"), "b:")[b] = "" and getopt(("-b"), "b:") in ("")', true],
  [EXEC, 'getopt(("-b1", "-b2"), "b:")[b] = 2', true],
  [EXEC, 'getopt(("-"), "a") intersects (a)', false],
  [EXEC, 'len(getopt((), "a")) = 0', true],
  [EXEC, 'join(",", ()) = ""', true],
  [EXEC, 'b64(join("W", ("YWFhL", "JiYg"))) = aaa-bbb', true],
  [EXEC, 'toupper(concat("a", proc.name)) = ANC', true],
  [EXEC, 'proc.duration <= 5000000', true],
  [EXEC, 'evt.rawtime = 1785492930000000123', true],
  [EXEC, 'evt.rawtime > 1785492930000000122 and evt.rawtime < 1785492930000000124', true],
  [EXEC, 'evt.rawtime in (1785492930000000122, 1785492930000000123)', true],
  [EXEC, 'evt.buffer bstartswith 7f454C46', true],
  [EXEC, 'evt.buffer bcontains 0000 and evt.buffer contains ELF', true],
  [EXEC, 'evt.buffer startswith ELF', false],
  [CONNECTING, 'evt.rawres >= 0 or evt.res = EINPROGRESS', true],
  [CONNECTING, 'fd.sip = 203.0.113.10 and fd.sport in (80, 443) and fd.l4proto = tcp', true],
  [CONNECTING, 'fd.sport="443" and fd.sport = https', true],
  [CONNECTING, 'fd.net != "10.0.0.0/8"', false],
  [CONNECTING, 'fd.net != "192.168.0.0/16"', true],
  [CONNECTING, 'fd.net in ("192.168.0.0/16", "203.0.113.0/24")', true],
  [CONNECTING, 'fd.net = "10.1.2.3/8"', true],
  [CONNECTING, 'not fd.snet in ("10.0.0.0/8", "192.168.0.0/16")', true],
  [CONNECTING, 'fd.snet = "0.0.0.0/0" and not fd.snet = "::/0"', true],
  [CONNECTING, 'fd.sip = "::1"', false],
  [CONNECTING, 'fd.sip != "::1"', true],
  [CONNECTING, 'fd.sip in ("::1", "::ffff:203.0.113.10")', true],
  [CONNECTING, 'fd.ip = 10.0.0.5 and fd.ip = 203.0.113.10', true],
  [CONNECTING, 'fd.ip != 10.0.0.5', false],
  [CONNECTING, 'fd.ip != 10.0.0.6', true],
  [CONNECTING, 'fd.port = 443 and fd.port > 39999 and not fd.port = 80', true],
  [CONNECTING, 'fd.cip != val(fd.sip) and fd.cport > val(fd.sport)', true],
  [REFUSED, 'fd.sip exists', false],
  [REFUSED, 'fd.ip != "0.0.0.0"', false],
];

/** Conditions that must not compile, with a part of the message. */
const REFUSED_CONDITIONS: readonly (readonly [string, RegExp])[] = [
  ['evt.type = foo_bar', /unknown event type foo_bar/],
  ['evt.type in (open, clos)', /unknown event type clos/],
  ['evt.type = val(proc.name)', /event names only/],
  ['proc.name = val(proc.aname[1])', /right side/],
  ['proc.foo = 1', /nonexistent field proc\.foo/],
  ['macro', /undefined macro/],
  ['proc.pid contains 1', /contains cannot be used/],
  ['proc.pid = x', /not a whole number/],
  ['proc.pid = 1.5', /not a whole number/],
  ['proc.pid > 0x10', /not a whole number/],
  ['proc.pid = 9223372036854775808', /64 bits/],
  ['user.uid = 18446744073709551616', /64 bits/],
  ['fd.sip startswith 10', /startswith cannot be used/],
  ['fd.sip = 10.0.0', /not an IP address/],
  ['fd.sip = 10.0.0.256', /not an IP address/],
  ['fd.sip = localhost', /not an IP address/],
  ['fd.sip > 1', /> cannot be used/],
  ['evt.failed = yes', /not a boolean/],
  ['evt.failed > 1', /> cannot be used/],
  ['fd.net = "10.0.0.1"', /not a network/],
  ['fd.net in ("10.0.0.0/8", "10.0.0.0/33")', /not a network/],
  ['fd.net = val(fd.snet)', /./],
  ['proc.name bcontains 6162', /bcontains cannot be used/],
  ['evt.buffer bcontains 616', /hexadecimal/],
  ['evt.buffer bcontains xy', /hexadecimal/],
  ['evt.buffer icontains x', /icontains cannot be used/],
  ["proc.name regex '('", /invalid regular expression/],
  ["proc.name regex '(a)\\\\1'", /invalid regular expression/],
  ['proc.name regex val(fd.name)', /needs constants/],
  ['proc.name pmatch val(fd.name)', /needs constants/],
  ['proc.name = val(proc.aname)', /right side/],
  ['proc.name = val(proc.pid)', /of type/],
  ['proc.duration = val(proc.pid)', /of type/],
  ['fd.types = file', /= cannot be used/],
  ['fd.types contains file', /contains cannot be used/],
  ['proc.name = val(proc.arglist)', /list/],
  ['tolower(proc.pid) = 1', /not a text/],
  ['tolower(proc.aname) = x', /transformer/],
  ['len(proc.pid) = 1', /no length/],
  ['concat(proc.name) = x', /at least two/],
  ['join(proc.name) = x', /separator/],
  ['join(",", proc.name) = x', /not a list/],
  ['getopt(proc.name, "a") intersects (a)', /not a list/],
  ['tolower("x") = x', /constant/],
  ['tolower(proc.name)[1] = x', /brackets/],
  ['proc.name[1] = x', /no argument/],
  ['proc.aname[x] = x', /is a number/],
  ['evt.arg = x', /needs an argument/],
  ['evt.arg.nope = x', /nonexistent field evt\.arg\.nope/],
  ['fd.cport in (1-1024)', /not a whole number/],
  ['fd.cport = nodeport', /neither a port nor a known service/],
  ['fd.cport = 65536000000000000000000', /64 bits/],
];

describe('the meaning of conditions', () => {
  for (const [event, text, expected] of TRUTH) {
    it(`${text} is ${expected} for ${event.type}`, () => {
      const compiled = compileCondition(text, OPTIONS);
      assert.ok(compiled.ok, compiled.diagnostics.map((diagnostic) => diagnostic.message).join());
      assert.equal(compiled.test(event), expected);
      assert.equal(interpret(compiled.plan, event), expected);
    });
  }

  for (const [text, message] of REFUSED_CONDITIONS) {
    it(`${text} is refused`, () => {
      const compiled = compileCondition(text, OPTIONS);
      assert.ok(!compiled.ok);
      assert.match(compiled.diagnostics.map((diagnostic) => diagnostic.message).join('; '), message);
    });
  }

  it('wraps negative numbers of unsigned fields to 32 and 64 bits', () => {
    for (const uid of [4294967295, 18446744073709551615n]) {
      const compiled = compileCondition('user.uid = -1 and not user.uid != -1', OPTIONS);
      assert.ok(compiled.ok && compiled.test({ type: 'open', values: { 'user.uid': uid } }));
    }
  });

  it('compares bytes, not characters', () => {
    const event: TestEvent = {
      type: 'open',
      values: { 'fd.name': Buffer.from('/tmp/größe').toString('latin1') },
    };
    for (const text of [
      'fd.name = /tmp/größe',
      'fd.name contains ö',
      'len(fd.name) = 12',
      "fd.name glob '*gr??ße'",
      "fd.name regex '/tmp/gr.ße'",
    ]) {
      const compiled = compileCondition(text, OPTIONS);
      assert.ok(compiled.ok && compiled.test(event), text);
    }
    const raw: TestEvent = { type: 'open', values: { 'fd.name': '/tmp/\xff' } };
    const compiled = compileCondition('fd.name contains "\\xFF"', OPTIONS);
    assert.ok(compiled.ok && compiled.test(raw));
  });

  it('warns of regular expressions that need not be any', () => {
    const hints = (pattern: string): number => {
      const compiled = compileCondition(`proc.name regex '${pattern}'`, OPTIONS);
      return compiled.ok ? compiled.diagnostics.length : -1;
    };
    for (const pattern of ['abc', '^abc', 'abc$', '.*abc', 'abc.+', '.?abc.?', '^.*abc$'])
      assert.equal(hints(pattern), 1, pattern);
    for (const pattern of ['a.*c', 'abc.{1}', 'ab[c]', 'a|b', 'abc\\\\.*', '.*', 'a.c'])
      assert.equal(hints(pattern), 0, pattern);
  });

  it('infers the events that can satisfy a condition', () => {
    const names = (text: string): string[] | 'all' => {
      const compiled = compileCondition(text, OPTIONS);
      assert.ok(compiled.ok);
      return compiled.eventCodes === undefined
        ? 'all'
        : [...compiled.eventCodes].map((code) => TEST_EVENTS.names[code]!).sort();
    };
    assert.deepEqual(names('evt.type in (open, openat, openat2) and not evt.type = open'), [
      'openat',
      'openat2',
    ]);
    assert.deepEqual(names('evt.type = open and proc.name = x or evt.type == close'), ['close', 'open']);
    assert.deepEqual(names('evt.type = open and evt.type = close'), []);
    assert.deepEqual(names('not (evt.type != open or proc.name = x)'), ['open']);
    assert.deepEqual(names('not (not evt.type in (open, close) or evt.type = open)'), ['close']);
    assert.equal(names('proc.name = x'), 'all');
    assert.equal(names('evt.type = open or proc.name = x'), 'all');
    assert.equal(names('not proc.name = x'), 'all');
    assert.equal(names('evt.type != open').length, TEST_EVENTS.names.length - 1);
    assert.deepEqual(names('evt.num = 0 and evt.type = open'), []);
    assert.deepEqual(names('evt.num = 0 or evt.type = open'), ['open']);
    assert.equal(names('not evt.num = 0'), 'all');
  });
});

describe('generated code', () => {
  it('agrees with the interpreter on random conditions and events', () => {
    fc.assert(
      fc.property(conditions, fc.array(events, { minLength: 1, maxLength: 8 }), (text, sample) => {
        const compiled = compileCondition(text, OPTIONS);
        assert.ok(
          compiled.ok,
          `${text}: ${compiled.diagnostics.map((diagnostic) => diagnostic.message).join()}`,
        );
        for (const event of sample) assert.equal(compiled.test(event), interpret(compiled.plan, event), text);
      }),
      { numRuns: 800 },
    );
  });

  it('agrees with the interpreter on sets of rules, folded by event type', () => {
    fc.assert(
      fc.property(
        fc.array(conditions, { minLength: 1, maxLength: 12 }),
        fc.array(events, { minLength: 1, maxLength: 6 }),
        fc.constantFrom('all' as const, 'first' as const),
        fc.constantFrom(0, Number.POSITIVE_INFINITY),
        (texts, sample, matching, dispatchFrom) => {
          const yaml = texts.map((text, i) =>
            JSON.stringify({ rule: `r${i}`, desc: 'd', condition: text, output: 'x', priority: 'INFO' }),
          );
          const loaded = loadRules([{ name: 'x', text: `[${yaml.join(',')}]` }], OPTIONS);
          assert.ok(loaded.rules, 'the rules load');
          const { all: compiled } = loaded.rules;
          const { plans } = loaded.model;
          const codegen = { dispatchFrom };
          const rules = new RuleSet({ rules: compiled, plans, events: TEST_EVENTS, matching, codegen });
          const out: CompiledRule<TestEvent>[] = [];
          for (const event of sample) {
            const code = TEST_EVENTS.code(event.type)!;
            const got: string[] = out.slice(0, rules.evaluate(event, code, out)).map((rule) => rule.name);
            const all: string[] = rules.rules
              .filter((rule) => interpret(rule.plan, event))
              .map((rule) => rule.name);
            for (const rule of rules.rules) {
              if (interpret(rule.plan, event)) assert.ok(rule.eventCodes?.has(code) ?? true, rule.condition);
            }
            assert.deepEqual(got.slice(0, all.length), matching === 'all' ? all : all.slice(0, 1));
          }
        },
      ),
      { numRuns: 600 },
    );
  });

  it('fetches a field at most once per event, and not at all after a false check', () => {
    let reads = 0;
    const counting: TestEvent = {
      type: 'open',
      values: new Proxy(
        { 'proc.name': 'x', 'fd.name': '/y' },
        {
          get: (target, key) => {
            reads++;
            return target[key as 'fd.name'];
          },
        },
      ),
    };
    const rules = Array.from({ length: 120 }, (_, i) => ({
      rule: `r${i}`,
      desc: 'd',
      condition: `evt.type = open and proc.name != x and fd.name = /${i}`,
      output: 'x',
      priority: 'INFO',
    }));
    const loaded = loadRules<TestEvent>([{ name: 'x', text: JSON.stringify(rules) }], OPTIONS);
    assert.equal(loaded.rules?.evaluate(counting, TEST_EVENTS.code('open')!, []), 0);
    assert.equal(reads, 1);
  });

  it('reads a field once, also where transformers use it', () => {
    let reads = 0;
    const values = new Proxy<Record<string, string>>(
      { 'proc.name': 'x' },
      {
        get: (target, key) => {
          reads++;
          return target[key as string];
        },
      },
    );
    const text = 'tolower(proc.name) = a or toupper(proc.name) = B or len(proc.name) = 2 or proc.name = c';
    const compiled = compileCondition(text, OPTIONS);
    assert.ok(compiled.ok && !compiled.test({ type: 'open', values }), 'it does not hold');
    assert.equal(reads, 1);
  });

  it('survives the deepest conditions', () => {
    const deep = `${'not (proc.name = a or (fd.name = b and '.repeat(490)}proc.name = c${'))'.repeat(490)}`;
    const compiled = compileCondition(deep, OPTIONS);
    assert.ok(compiled.ok);
    assert.equal(compiled.test(OPEN), interpret(compiled.plan, OPEN));
  });
});
