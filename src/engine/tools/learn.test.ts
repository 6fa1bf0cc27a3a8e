import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { RuleTester } from '../../rules/cases/run.ts';
import { FIELDS } from '../../rules/fields/index.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import type { Alert } from '../core/alert.ts';
import { Allowed, learnExceptions, learnedFile } from './learn.ts';

const BASE = `
- rule: Noisy
  desc: d
  condition: evt.type = openat and fd.num >= 0
  output: x %proc.name %fd.name
  priority: NOTICE
`;

function alert(name: string, file: string): Alert {
  return { rule: 'Noisy', fields: { 'proc.name': name, 'fd.name': file, 'fd.num': 3 } } as unknown as Alert;
}

/** The rules that fire on an event, with what was learned loaded behind the base. */
function fired(learned: string, rule: string, given: Record<string, unknown>): boolean {
  const tester = new RuleTester(
    [
      { name: 'b', text: BASE },
      { name: 'l', text: learned },
    ],
    FIELDS,
    EVENT_NAMES,
  );
  assert.deepEqual(
    tester.loaded.diagnostics.filter((d) => d.severity === 'error'),
    [],
  );
  const one = { note: '', line: 1, given: [given], expect: 'alert' as const };
  return tester.run([{ rule, file: 'c', line: 1, cases: [one] }])[0]!.ok;
}

test('learned exceptions silence what was seen, and nothing else', () => {
  const learned = learnedFile(learnExceptions([alert('a', '/x'), alert('b', '/y'), alert('a', '/x')]), 'r');
  const event = { 'evt.type': 'openat', 'proc.name': 'a', 'fd.name': '/x' };
  assert.equal(fired(learned, 'Noisy', event), false);
  assert.equal(fired(learned, 'Noisy', { ...event, 'fd.name': '/y' }), true);
});

test('a rule with too many different alerts gets no exception', () => {
  assert.deepEqual(learnExceptions(Array.from({ length: 60 }, (_, i) => alert('a', `/${i}`))), []);
});

test('the allow-list of a program is silent on what it did and speaks of anything new', () => {
  const allowed = new Allowed({ kind: 'program', name: 'web' });
  allowed.add({ kind: 'exec', exepath: '/bin/sh' });
  allowed.add({ kind: 'file', folder: '/etc', write: false });
  allowed.add({ kind: 'connect', address: '10.0.0.5', port: '5432' });
  const learned = learnedFile(allowed.rules(), 'r');
  const exec = { 'evt.type': 'execve', 'proc.pname': 'web', 'proc.exepath': '/bin/sh' };
  assert.equal(fired(learned, 'web: program not seen before', exec), false);
  assert.equal(fired(learned, 'web: program not seen before', { ...exec, 'proc.exepath': '/tmp/x' }), true);
  const read = {
    'evt.type': 'openat',
    'evt.is_open_read': true,
    'proc.name': 'web',
    'fd.name': '/etc/hosts',
  };
  assert.equal(fired(learned, 'web: file read in a folder not seen before', read), false);
  assert.equal(
    fired(learned, 'web: file read in a folder not seen before', { ...read, 'fd.name': '/root/x' }),
    true,
  );
  const write = { ...read, 'evt.is_open_write': true };
  assert.equal(fired(learned, 'web: file written in a folder not seen before', write), true);
  const connect = { 'evt.type': 'connect', 'proc.name': 'web', 'fd.sip': '10.0.0.5', 'fd.sport': 5432 };
  assert.equal(fired(learned, 'web: peer not seen before', connect), false);
  assert.equal(fired(learned, 'web: peer not seen before', { ...connect, 'fd.sport': 22 }), true);
});

test('what is learned loads, whatever the names are', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1 }), fc.string(), (name, text) => {
      const allowed = new Allowed({ kind: 'container', name });
      allowed.add({ kind: 'exec', exepath: text });
      allowed.add({ kind: 'file', folder: text, write: true });
      const files = [
        { name: 'b', text: BASE },
        { name: 'l', text: learnedFile([...allowed.rules(), ...learnExceptions([alert(name, text)])], text) },
      ];
      const { loaded } = new RuleTester(files, FIELDS, EVENT_NAMES);
      assert.deepEqual(
        loaded.diagnostics.filter((d) => d.severity === 'error'),
        [],
      );
    }),
    { numRuns: 200 },
  );
});
