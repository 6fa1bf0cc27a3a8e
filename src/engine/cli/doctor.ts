import { load } from '../config/config.ts';
import { EXIT } from '../core/diagnostic.ts';
import { examine, exitCodeOf, type Report, type Status } from '../doctor/check.ts';
import { hostChecks } from '../doctor/host.ts';
import { kernelChecks } from '../doctor/kernel.ts';
import { act, type CommandSpec } from './command.ts';
import { noteDiagnostics, paint, printBeside, printJson } from './output.ts';
import { outputSchemas } from './outputs.ts';

const WORDS: Readonly<Record<Status, string>> = { ok: 'ok', warn: 'warn', fail: 'FAIL', unknown: '?' };
const COLOURS = { ok: 'green', warn: 'yellow', fail: 'red', unknown: 'dim' } as const;

export const command: CommandSpec = {
  examples: [
    ['ringfence doctor', 'what this machine can do, and what is missing'],
    ['ringfence doctor --json', 'the same for a bug report'],
  ],
  configure(command) {
    command
      .option('-c, --config <file>', 'configuration file')
      .option('--json', 'one JSON object')
      .action(
        act(async (options: { config?: string; json?: boolean }) => {
          const { config, diagnostics } = load(await outputSchemas(), { file: options.config });
          noteDiagnostics(diagnostics);
          if (!config) return EXIT.invalid;
          const { state_dir, control, containers } = config;
          const host = hostChecks({ state_dir, socket: control.socket, root: containers.host_root });
          const reports = await examine([...host, ...(await kernelChecks())]);
          const exitCode = exitCodeOf(reports);
          if (options.json) printJson({ schema: 'ringfence.doctor.v1', ok: exitCode === 0, checks: reports });
          else for (const report of reports) printReport(report);
          return exitCode;
        }),
      );
  },
};

function printReport({ status, title, found, need, advice }: Report): void {
  printBeside(`${paint(COLOURS[status], WORDS[status].padEnd(5))}${title.padEnd(20)} `, found);
  if (need) printBeside(`${' '.repeat(26)}needed: `, need);
  if (advice && status !== 'ok') printBeside(`${' '.repeat(26)}do: `, advice);
}
