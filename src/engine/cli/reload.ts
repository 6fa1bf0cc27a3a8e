import type { EngineReport } from '../thread/protocol.ts';
import { act, type CommandSpec } from './command.ts';
import { askEngine, type ControlOptions, withControl } from './control.ts';
import { print, printJson } from './output.ts';

export const command: CommandSpec = {
  examples: [['ringfence reload', 'put changed rules in force; with an error the old ones stay']],
  configure(command) {
    withControl(command).action(
      act(async (options: ControlOptions) => {
        const report = (await askEngine(options, 'reload')) as EngineReport;
        if (options.json) printJson({ schema: 'ringfence.reload.v1', ...report });
        else {
          const { added = [], removed = [], changed = [] } = report.diff ?? {};
          for (const name of added) print(`+ ${name}`);
          for (const name of removed) print(`- ${name}`);
          for (const name of changed) print(`~ ${name}`);
          print(`${report.rules} rules in force`);
          const { applied = [], atRestart = [] } = report.config ?? {};
          if (applied.length > 0) print(`options in force: ${applied.join(', ')}`);
          if (atRestart.length > 0)
            print(`options that take effect at the next start: ${atRestart.join(', ')}`);
        }
        return 0;
      }),
    );
  },
};
