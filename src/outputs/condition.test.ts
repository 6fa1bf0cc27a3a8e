import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AppError } from '../engine/core/diagnostic.ts';
import { compileAlertCondition } from './condition.ts';
import { testAlert } from './testing/alerts.ts';
import { FakeOutput } from './testing/fake-output.ts';
import { openOutputs, testFolder } from './testing/open.ts';

const ALERT = testAlert(1, {
  rule: 'Write below /étc',
  fields: { 'proc.name': 'caté', 'user.uid': 0, 'proc.args': ['a', 'b'], 'fd.name': null },
});

test('a condition of an output reads the alert and the fields its rule prints', () => {
  const holds = (text: string): boolean => compileAlertCondition(text)(ALERT);
  for (const text of [
    'alert.priority = Warning',
    'alert.severity <= 4',
    'alert.tags intersects (filesystem, network)',
    'alert.rule = "Write below /étc"',
    'alert.guarantee in (observed, would_deny) and alert.source = syscall',
    'alert.host startswith node',
    'proc.name = caté and user.uid = 0',
    'proc.args = "(a,b)"',
    'not fd.name exists',
    'evt.type = x or alert.tier = lsm',
  ]) {
    assert.equal(holds(text), true, text);
    assert.equal(holds(`not (${text})`), false, text);
  }
  assert.equal(holds('proc.pname = bash'), false, 'what the rule does not print is missing');
});

test('a wrong condition is refused at the start, with its place', async () => {
  assert.throws(
    () => compileAlertCondition('alert.rul = x'),
    (error: unknown) => error instanceof AppError && /nonexistent field alert\.rul.*\^/s.test(error.message),
  );
  const config = { fake: { filter: { condition: 'alert.rule =' } } };
  await assert.rejects(openOutputs(config, testFolder(), { types: [new FakeOutput().kind()] }), AppError);
});

test('the condition in the configuration decides what the output gets', async () => {
  const fake = new FakeOutput();
  const config = { fake: { filter: { condition: 'alert.guarantee = denied' } } };
  const outputs = await openOutputs(config, testFolder(), { types: [fake.kind()] });
  outputs.emit([testAlert(1), testAlert(2, { guarantee: 'denied' }), testAlert(3)]);
  await outputs.close(1000);
  assert.deepEqual(fake.delivered, [2]);
});
