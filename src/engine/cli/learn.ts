import type { Alert } from '../core/alert.ts';
import { EXIT } from '../core/diagnostic.ts';
import type { Event } from '../enrich/event.ts';
import { LANGUAGE } from '../ruleset.ts';
import { fieldText } from '../tools/field-text.ts';
import { type Act, Allowed, learnExceptions, learnedFile } from '../tools/learn.ts';
import { eachEvent, replay } from '../tools/replayer.ts';
import { act, type CommandSpec } from './command.ts';
import { usage } from './options.ts';
import { note, print } from './output.ts';
import { type RuleOptions, rulesFor } from './rules-for.ts';

interface LearnOptions extends RuleOptions {
  readonly program?: string;
  readonly container?: string;
}

export const command: CommandSpec = {
  examples: [
    [
      'ringfence learn day.rfr > exceptions.yaml',
      'exceptions for every rule that spoke in a recording of a good day',
    ],
    ['ringfence learn day.rfr --program nginx > nginx.yaml', 'rules for whatever nginx did not do that day'],
    ['ringfence learn day.rfr --container 3f2a…', 'the same for everything in one container'],
  ],
  configure(command) {
    command
      .argument('<recording>', 'from ringfence record')
      .option('--program <name>', 'an allow-list for the programs with this name (proc.name)')
      .option('--container <id>', 'an allow-list for a container (container.id)')
      .option('-c, --config <file>', 'configuration file')
      .option('-r, --rules <path...>', 'rules files or folders, instead of the configured ones')
      .action(act(learn));
  },
};

async function learn(recording: string, options: LearnOptions): Promise<number> {
  const { program, container } = options;
  if (program !== undefined && container !== undefined)
    throw usage('give --program or --container, not both');
  const name = program ?? container;
  if (name !== undefined) {
    const allowed = new Allowed({ kind: program === undefined ? 'container' : 'program', name });
    const mine = fieldText(program === undefined ? 'container.id' : 'proc.name');
    const started = fieldText(program === undefined ? 'container.id' : 'proc.pname');
    let acts = 0;
    eachEvent(recording, (event) => {
      const done = actOf(event);
      if (done === undefined || (done.kind === 'exec' ? started(event) : mine(event)) !== name) return;
      acts++;
      allowed.add(done);
    });
    print(learnedFile(allowed.rules(), recording).trimEnd());
    note(`learned from ${acts} acts of ${name}`);
    return acts === 0 ? EXIT.problems : EXIT.ok;
  }
  const alerts: Alert[] = [];
  replay({
    path: recording,
    rules: await rulesFor(options, LANGUAGE.fields),
    emit: (batch) => void alerts.push(...batch),
  });
  const exceptions = learnExceptions(alerts);
  print(learnedFile(exceptions, recording).trimEnd());
  note(`${alerts.length} alerts, exceptions for ${exceptions.length} rules`);
  return EXIT.ok;
}

const [EXEPATH, FOLDER, TYPE, RESULT, NAME] = [
  fieldText('proc.exepath'),
  fieldText('fd.directory'),
  fieldText('fd.typechar'),
  fieldText('evt.res'),
  fieldText('fd.name'),
] as const;
const WRITES = fieldText('evt.is_open_write');

function actOf(event: Event): Act | undefined {
  const name = event.def.name;
  const result = RESULT(event);
  if (name === 'execve' && result === 'SUCCESS') {
    const exepath = EXEPATH(event);
    return exepath === undefined ? undefined : { kind: 'exec', exepath };
  }
  if (name.startsWith('open') && result === 'SUCCESS' && TYPE(event) === 'f') {
    const folder = FOLDER(event);
    return folder === undefined ? undefined : { kind: 'file', folder, write: WRITES(event) === 'true' };
  }
  if (
    name === 'connect' &&
    /[46]/.test(TYPE(event) ?? '') &&
    (result === 'SUCCESS' || result === 'EINPROGRESS')
  ) {
    const [, address, port] = /->(.*):(\d+)$/.exec(NAME(event) ?? '') ?? [];
    return address === undefined || port === undefined ? undefined : { kind: 'connect', address, port };
  }
  return undefined;
}
