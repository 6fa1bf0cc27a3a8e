import { falcoText } from '../../outputs/formats/falco.ts';
import type { Alert } from '../core/alert.ts';
import { EXIT } from '../core/diagnostic.ts';
import { LANGUAGE } from '../ruleset.ts';
import { replay } from '../tools/replayer.ts';
import { act, type CommandSpec } from './command.ts';
import { note, paint, print, printJson } from './output.ts';
import { rulesFor } from './rules-for.ts';

export const command: CommandSpec = {
  examples: [
    ['ringfence diff old_rules.yaml new_rules.yaml hour.rfr', 'what the change means for that hour'],
  ],
  configure(command) {
    command
      .argument('<old>', 'rules file or folder before the change')
      .argument('<new>', 'rules file or folder after it')
      .argument('<recording>', 'what to run both on')
      .option('-c, --config <file>', 'configuration file')
      .option('--json', 'one JSON document')
      .action(act(diff));
  },
};

interface DiffOptions {
  readonly config?: string;
  readonly json?: boolean;
}

/** Alerts have the same id in every replay: what differs are alerts of one side only. */
async function diff(before: string, after: string, recording: string, options: DiffOptions): Promise<number> {
  const [old, now] = [await alertsOf(before, recording, options), await alertsOf(after, recording, options)];
  const added = [...now.values()].filter((alert) => !old.has(alert.uuid));
  const removed = [...old.values()].filter((alert) => !now.has(alert.uuid));
  if (options.json) {
    const brief = ({ uuid, rule, timeNs, message }: Alert) => ({ uuid, rule, time_ns: timeNs, message });
    printJson({ schema: 'ringfence.diff.v1', added: added.map(brief), removed: removed.map(brief) });
  } else {
    for (const alert of removed) print(paint('red', `- ${alert.rule}: ${falcoText(alert)}`));
    for (const alert of added) print(paint('green', `+ ${alert.rule}: ${falcoText(alert)}`));
    note(`${added.length} alerts more, ${removed.length} less, ${now.size - added.length} the same`);
  }
  return added.length + removed.length > 0 ? EXIT.problems : EXIT.ok;
}

async function alertsOf(path: string, recording: string, options: DiffOptions): Promise<Map<string, Alert>> {
  const rules = await rulesFor({ ...options, rules: [path] }, LANGUAGE.fields);
  const alerts = new Map<string, Alert>();
  replay({
    path: recording,
    rules,
    emit: (batch) => {
      for (const alert of batch) alerts.set(alert.uuid, alert);
    },
  });
  return alerts;
}
