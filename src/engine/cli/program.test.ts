import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Command } from 'commander';
import { buildProgram } from './program.ts';
import { COMMANDS } from './table.ts';
import { layOut } from './usage.ts';

test('every command explains itself within 80 columns', async () => {
  let shown = 0;
  const show = (command: Command, path: string): void => {
    const parts: string[] = [];
    command.configureOutput({ writeOut: (part) => void parts.push(part), getOutHelpWidth: () => 80 });
    command.outputHelp();
    const text = parts.join('');
    shown++;
    for (const line of text.split('\n')) {
      // What is typed may be longer: it is there to be copied.
      if (!/^ {2}(sudo )?ringfence /.test(line)) assert.ok(line.length <= 80, `${path}: ${line}`);
    }
    assert.doesNotMatch(text, /default: \[/);
    for (const inner of command.commands) show(inner, `${path} ${inner.name()}`);
  };
  for (const { name } of COMMANDS) {
    const program = await buildProgram(name);
    show(program.commands.find((command) => command.name() === name)!, name);
  }
  assert.ok(shown > 50);
});

test('an example stands beside its purpose where both fit', () => {
  assert.equal(layOut([['a b', 'c']], 80), '  a b  c');
  assert.equal(layOut([['a b', 'c']], 7), '  a b\n      c');
});
