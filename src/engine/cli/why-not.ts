import { readFileSync } from 'node:fs';
import { buildGiven, type GivenEvent, givenFields, parseGiven } from '../../rules/cases/given.ts';
import { FIELDS } from '../../rules/fields/index.ts';
import type { RuleSet } from '../../rules/index.ts';
import { reasonOf } from '../../rules/reason.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import type { Reason } from '../core/reason.ts';
import { LANGUAGE } from '../ruleset.ts';
import { eventReason } from '../tools/replayer.ts';
import { act, type CommandSpec } from './command.ts';
import { printJson } from './output.ts';
import { type RuleOptions, rulesFor, unknownRule } from './rules-for.ts';
import { showReason } from './why.ts';

interface WhyNotOptions extends RuleOptions {
  readonly recording?: string;
  readonly json?: boolean;
}

export const command: CommandSpec = {
  examples: [
    [
      `ringfence why-not "Password hashes read" '{"evt.type":"openat","fd.name":"/etc/shadow"}'`,
      'fields by hand',
    ],
    ['ringfence why-not "Password hashes read" @event.json', 'fields from a file (a line of events -o json)'],
    [
      'ringfence why-not "Password hashes read" 1204 --recording hour.rfr',
      'event 1204 (evt.num) of a recording',
    ],
  ],
  configure(command) {
    command
      .argument('<rule>', 'name of the rule')
      .argument('<event>', 'JSON of fields, @file with it, or evt.num in a recording')
      .option('--recording <file>', 'the recording in which the event is')
      .option('-c, --config <file>', 'configuration file')
      .option('-r, --rules <path...>', 'rules files or folders, instead of the configured ones')
      .option('--json', 'one JSON document')
      .action(act(whyNot));
  },
};

async function whyNot(name: string, event: string, options: WhyNotOptions): Promise<number> {
  const reason = options.recording
    ? await recorded(options.recording, name, event, options)
    : await given(name, event, options);
  if (options.json) printJson({ schema: 'ringfence.why-not.v1', rule: name, event, reason });
  else showReason(name, reason.holds ? 'the condition holds' : 'the condition does not hold', reason);
  return EXIT.ok;
}

async function recorded(path: string, name: string, event: string, options: WhyNotOptions): Promise<Reason> {
  const rule = ruleOf(await rulesFor(options, LANGUAGE.fields), name);
  const reason = eventReason(path, rule, Number(event));
  if (reason !== undefined) return reason;
  throw new AppError('E_NO_EVENT', `${path} has no event ${event}`, { exitCode: EXIT.problems });
}

async function given(name: string, text: string, options: WhyNotOptions): Promise<Reason> {
  const fields = givenFields(FIELDS);
  const rule = ruleOf(await rulesFor(options, fields), name);
  const parsed = parseGiven(text.startsWith('@') ? readFileSync(text.slice(1), 'utf8') : text);
  if (parsed === undefined) {
    throw new AppError('E_EVENT', 'the event is not a JSON object of fields', { exitCode: EXIT.usage });
  }
  const event = buildGiven(parsed, fields);
  if (event instanceof Map) return reasonOf(rule.plan, event as GivenEvent);
  throw new AppError('E_EVENT', (event as readonly string[]).join('; '), { exitCode: EXIT.invalid });
}

function ruleOf<E>(rules: RuleSet<E>, name: string): RuleSet<E>['all'][number] {
  const rule = rules.all.find((candidate) => candidate.name === name);
  if (rule) return rule;
  throw unknownRule(
    name,
    rules.all.map((each) => each.name),
  );
}
