import { escapeForTerminal } from '../../outputs/formats/text.ts';
import type { OutputStats } from '../../outputs/stats.ts';
import { act, type CommandSpec } from './command.ts';
import { askEngine, type ControlOptions, withControl } from './control.ts';
import { paint, printBeside, printJson } from './output.ts';

interface Status {
  readonly version: string;
  readonly pid: number;
  readonly hostname: string;
  readonly uptimeSeconds: number;
  readonly mode: string;
  readonly alerts: number;
  readonly rules: number;
  readonly skipped: readonly { readonly rule: string; readonly reason: string }[];
  readonly events: readonly string[];
  readonly tiers: Readonly<Record<string, string>>;
  readonly outputs: readonly OutputStats[];
  readonly engine: Readonly<Record<string, unknown>>;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence status', 'is it running, and how is it'],
    ['ringfence status --json', 'the same for a program'],
  ],
  configure(command) {
    withControl(command).action(
      act(async (options: ControlOptions) => {
        const status = (await askEngine(options, 'status')) as Status;
        if (options.json) printJson({ schema: 'ringfence.status.v1', ...status });
        else show(status);
        return 0;
      }),
    );
  },
};

function show(status: Status): void {
  const line = (name: string, value: unknown): void =>
    printBeside(paint('bold', name.padEnd(12)), escapeForTerminal(String(value)));
  line(
    'Engine',
    `ringfence ${status.version}, pid ${status.pid} on ${status.hostname}, up ${span(status.uptimeSeconds)}`,
  );
  line('Mode', status.mode);
  line('Rules', `${status.rules} in force, ${status.skipped.length} not`);
  for (const { rule, reason } of status.skipped) line('', `${rule}: ${reason}`);
  line('Events', status.events.join(' '));
  for (const [hook, tier] of Object.entries(status.tiers)) line('Tier', `${hook}: ${tier}`);
  line('Alerts', status.alerts);
  for (const [name, value] of Object.entries(status.engine))
    line(name, typeof value === 'object' ? JSON.stringify(value) : value);
  for (const output of status.outputs) {
    const dropped = Object.entries(output.dropped).map(([reason, n]) => `${n} ${reason}`);
    const lost = dropped.length > 0 ? `, lost: ${dropped.join(', ')}` : '';
    const trouble = output.lastError ? ` (${output.lastError})` : '';
    line(
      'Output',
      `${output.name}: ${output.state}${trouble}, ${output.sent} sent, ${output.queued}/${output.capacity} waiting${lost}`,
    );
  }
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
