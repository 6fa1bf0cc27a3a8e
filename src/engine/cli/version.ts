import { release } from 'node:os';
import { VERSION } from '../core/package.ts';
import { act, type CommandSpec } from './command.ts';
import { print, printJson } from './output.ts';

export const command: CommandSpec = {
  configure(command) {
    command.option('--json', 'one JSON object').action(
      act((options: { json?: boolean }) => {
        const facts = {
          version: VERSION,
          node: process.versions.node,
          kernel: release(),
          arch: process.arch,
        };
        if (options.json) printJson({ schema: 'ringfence.version.v1', ...facts });
        else print(`ringfence ${facts.version} (Node.js ${facts.node}, Linux ${facts.kernel} ${facts.arch})`);
        return 0;
      }),
    );
  },
};
