import { closeSync, openSync, readSync } from 'node:fs';
import { falcoJson, falcoText } from '../../outputs/formats/falco.ts';
import { escapeForTerminal } from '../../outputs/formats/text.ts';
import { givenFields } from '../../rules/cases/given.ts';
import { FIELDS } from '../../rules/fields/index.ts';
import { isRecording } from '../../sensors/record/recording.ts';
import type { Alert } from '../core/alert.ts';
import { EXIT } from '../core/diagnostic.ts';
import { LANGUAGE } from '../ruleset.ts';
import { type LineAlert, replayLines } from '../tools/replay-lines.ts';
import { profile, replay } from '../tools/replayer.ts';
import { choice } from './choice.ts';
import { act, type CommandSpec } from './command.ts';
import { usage } from './options.ts';
import { note, print, printJson, printTable } from './output.ts';
import { type RuleOptions, rulesFor } from './rules-for.ts';

interface ReplayOptions extends RuleOptions {
  readonly output: string;
  readonly profile?: boolean;
  readonly json?: boolean;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence replay hour.rfr', 'the alerts that the configured rules raise on a recording'],
    ['ringfence replay hour.rfr -r new_rules.yaml -o json', 'other rules, alerts as JSON lines'],
    ['ringfence replay hour.rfr --profile', 'what each rule costs'],
    ['ringfence replay events.jsonl -r rules.yaml', 'events as JSON lines, fields by name'],
  ],
  configure(command) {
    command
      .argument('<file>', 'a recording, or JSON lines with the fields of one event each')
      .option('-c, --config <file>', 'configuration file')
      .option('-r, --rules <path...>', 'rules files or folders, instead of the configured ones')
      .addOption(choice('-o, --output <form>', 'form of the alerts', ['text', 'json']).default('text'))
      .option('--profile', 'print the time per rule instead of alerts')
      .option('--json', 'as -o json; with --profile one document')
      .action(act(run));
  },
};

/** The output, with the rule's name where it does not begin so. */
const titled = ({ rule, output }: LineAlert): string =>
  output.startsWith(rule) ? output : `${rule}: ${output}`;

async function run(path: string, options: ReplayOptions): Promise<number> {
  const json = options.json || options.output === 'json';
  if (!startsAsRecording(path)) {
    if (options.profile) throw usage('--profile needs a recording');
    const fields = givenFields(FIELDS);
    const rules = await rulesFor(options, fields);
    const show = (alert: LineAlert): void =>
      print(
        json ? JSON.stringify(alert) : escapeForTerminal(`${alert.line}: ${alert.priority} ${titled(alert)}`),
      );
    const { events, matches } = await replayLines(path, rules, fields, show);
    note(`${events} events, ${matches} alerts`);
    return EXIT.ok;
  }
  const rules = await rulesFor(options, LANGUAGE.fields);
  if (options.profile) {
    const rows = profile(path, rules);
    if (json) printJson({ schema: 'ringfence.profile.v1', rules: rows });
    else {
      const cells = rows.map((row) => [
        row.rule,
        String(row.events),
        String(row.matches),
        row.nanoseconds.toFixed(0),
      ]);
      printTable(['RULE', 'EVENTS', 'MATCHES', 'NS/EVENT'], cells);
    }
    return EXIT.ok;
  }
  let alerts = 0;
  const emit = (batch: readonly Alert[]): void => {
    alerts += batch.length;
    for (const alert of batch) print(json ? falcoJson(alert) : falcoText(alert));
  };
  const started = performance.now();
  const end = replay({ path, rules, emit });
  const seconds = (performance.now() - started) / 1000;
  note(
    `${end.records} records, ${end.events} events, ${alerts} alerts, ${(end.records / seconds).toFixed(0)} records/s`,
  );
  if (end.lost > 0) note(`${end.lost} records were lost when this was recorded`);
  if (end.truncated) note('the recording was cut off: it ends without its end mark');
  if (end.damaged > 0) note(`${end.damaged} chunks are damaged`);
  return EXIT.ok;
}

function startsAsRecording(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    const start = Buffer.alloc(16);
    return isRecording(start.subarray(0, readSync(fd, start, 0, 16, 0)));
  } finally {
    closeSync(fd);
  }
}
