import type { AuditStats } from '../../outputs/audit/store.ts';
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
  readonly audit?: AuditStats;
  readonly engine: Readonly<Record<string, unknown>> & { readonly watchOnly: boolean };
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
  const { watchOnly, ...engine } = status.engine;
  line(
    'Mode',
    watchOnly ? `${status.mode}, but nothing is refused (until: ringfence policy enforce)` : status.mode,
  );
  line('Rules', `${status.rules} in force, ${status.skipped.length} not`);
  for (const { rule, reason } of status.skipped) line('', `${rule}: ${reason}`);
  line('Events', status.events.join(' '));
  line('Tiers', pairs(status.tiers));
  line('Alerts', status.alerts);
  for (const [name, value] of Object.entries(engine)) {
    const title = `${name[0]?.toUpperCase()}${name.slice(1)}`;
    line(title === 'Events' ? 'Seen' : title, typeof value === 'object' ? pairs(value) : value);
  }
  if (status.audit) {
    const { state, committed, queued, dropped } = status.audit;
    const trouble = state.ok ? 'ok' : `not written (${state.reason ?? 'no reason known'})`;
    line('Audit', `${trouble}, ${committed} rows, ${queued} waiting, ${dropped} lost`);
  }
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

const pairs = (values: object | null): string =>
  Object.entries(values ?? {})
    .map(([name, value]) => `${name}=${String(value)}`)
    .join(' ');

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7200) return `${Math.round(seconds / 60)} min`;
  return `${Math.round(seconds / 3600)} h`;
}
