import type { PolicyStatus } from '../../enforce/index.ts';
import { PIN_DIR, unpinAll } from '../../enforce/index.ts';
import { act, type CommandSpec } from './command.ts';
import { askEngine, type ControlOptions, withControl } from './control.ts';
import { note, print, printJson } from './output.ts';

export const command: CommandSpec = {
  examples: [
    ['ringfence policy status', 'what refuses what, and which rules only watch'],
    ['ringfence policy monitor', 'break the glass: nothing is refused until `policy enforce`'],
    ['ringfence policy enforce', 'take that back; rules over their budget act again'],
    ['ringfence policy unload', 'take pinned enforcement out of the kernel'],
  ],
  configure(command) {
    const questions = [
      ['status', 'say what is in force'],
      ['monitor', 'refuse nothing until told otherwise'],
      ['enforce', 'refuse again'],
    ] as const;
    for (const [name, summary] of questions) {
      withControl(command.command(name).description(summary)).action(
        act(async (options: ControlOptions) => {
          const status = (await askEngine(options, `policy.${name}`)) as PolicyStatus;
          if (options.json) printJson({ schema: 'ringfence.policy.v1', ...status });
          else show(status);
          return 0;
        }),
      );
    }
    command
      .command('unload')
      .description('take pinned enforcement out of the kernel; an engine that runs keeps refusing')
      .action(
        act(() => {
          const names = unpinAll();
          if (names.length === 0) note(`nothing is pinned in ${PIN_DIR}`);
          for (const name of names) print(`unpinned ${name}`);
          return 0;
        }),
      );
  },
};

function show(status: PolicyStatus): void {
  print(`generation    ${status.generation}`);
  print(`refusing      ${status.watchOnly ? 'nothing (break-glass)' : 'as the rules say'}`);
  for (const [what, tier] of Object.entries(status.tiers)) print(`${what.padEnd(14)}${tier}`);
  print(`pinned        ${status.pinned ? 'yes' : 'no'}`);
  print(`deny entries  ${status.denyEntries}`);
  print(`over budget   ${status.overBudget.join(', ') || 'none'}`);
  const clauses = Object.entries(status.clauses).map(([operation, count]) => `${operation}=${count}`);
  print(`clauses       ${clauses.join(' ') || 'none'}`);
}
