import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LANGUAGE, policyProblems } from '../src/engine/ruleset.ts';
import { loadRules } from '../src/rules/index.ts';
import { denyRule } from './lib/denial.ts';
import { namedRules } from './lib/named-acts.ts';

function problems(text: string): string[] {
  const { rules, diagnostics } = loadRules([{ name: 'test', text }], LANGUAGE);
  assert.deepEqual(
    diagnostics.filter((d) => d.severity === 'error'),
    [],
  );
  return policyProblems(rules!.rules, 'enforce').map((d) => `${d.message}; ${d.help ?? ''}`);
}

test('rules on names, identities and ports can be decided in the kernel', () => {
  assert.deepEqual(problems(namedRules('/x')), []);
});

test('rules on containers and scopes can, as far as they ask whether and not which', () => {
  const open = 'evt.type in (open, openat, openat2) and fd.name = /x';
  assert.deepEqual(problems(denyRule('a', `${open} and container.id != host`)), []);
  assert.deepEqual(problems(denyRule('a', `${open} and not container.id = host`)), []);
  for (const scope of ['all', 'host', 'containers', '{cgroup: /system.slice/x.service}'])
    assert.deepEqual(problems(denyRule('a', open, `  scope: ${scope}\n`)), []);
  assert.match(problems(denyRule('a', `${open} and container.id = abc`))[0] ?? '', /container\.id != host/);
  assert.equal(problems(denyRule('a', `${open} and container.name = abc`)).length, 1);
});

test('what no hook sees is an error that says so', () => {
  assert.match(problems(denyRule('a', 'evt.type = delete_module'))[0] ?? '', /does not refuse delete_module/);
  assert.match(problems(denyRule('a', 'evt.type = bind and fd.rip = "1.2.3.4"'))[0] ?? '', /fd\.sip/);
});
