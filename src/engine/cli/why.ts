import { query } from '../../outputs/audit/query.ts';
import { escapeForTerminal } from '../../outputs/formats/text.ts';
import { reasonLines } from '../../rules/reason.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import type { Reason } from '../core/reason.ts';
import { LANGUAGE } from '../ruleset.ts';
import { findAlert } from '../tools/replayer.ts';
import { auditFolder } from './audit-folder.ts';
import { act, type CommandSpec } from './command.ts';
import { print, printJson } from './output.ts';
import { type RuleOptions, rulesFor } from './rules-for.ts';

interface WhyOptions extends RuleOptions {
  readonly recording?: string;
  readonly path?: string;
  readonly json?: boolean;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence why 1f0c…', 'from the audit: condition, values of its fields, the branch that decided'],
    ['ringfence why 1f0c… --recording hour.rfr', 'the same from a recording'],
  ],
  configure(command) {
    command
      .argument('<alert-id>', 'the uuid of an alert, or its beginning')
      .option('--recording <file>', 'look in a recording instead of the audit')
      .option('--path <folder>', 'folder of the audit')
      .option('-c, --config <file>', 'configuration file')
      .option('-r, --rules <path...>', 'rules of the recording, instead of the configured ones')
      .option('--json', 'one JSON document')
      .action(act(why));
  },
};

async function why(id: string, options: WhyOptions): Promise<number> {
  const found: Found | undefined = options.recording
    ? findAlert(options.recording, await rulesFor(options, LANGUAGE.fields), id)
    : await fromAudit(id, options);
  if (found === undefined) {
    throw new AppError('E_NO_ALERT', `there is no alert ${id} in ${options.recording ?? 'the audit'}`, {
      exitCode: EXIT.problems,
      help: 'ringfence audit query lists alerts with their ids',
    });
  }
  const { uuid, rule, guarantee, reason } = found;
  if (reason === undefined) {
    throw new AppError('E_NO_REASON', `the audit has alert ${id}, without the reason for it`, {
      exitCode: EXIT.problems,
      help: 'give the recording of that time with --recording',
    });
  }
  if (options.json) printJson({ schema: 'ringfence.why.v1', uuid, rule, guarantee, reason });
  else showReason(rule, guarantee, reason);
  return EXIT.ok;
}

/** A rule, what the kernel did, and the tree of its condition. */
export function showReason(rule: string, guarantee: string, reason: Reason): void {
  print(`${escapeForTerminal(rule)} (${guarantee})`);
  for (const line of reasonLines(reason)) print(escapeForTerminal(line));
}

interface Found {
  readonly uuid: string;
  readonly rule: string;
  readonly guarantee: string;
  readonly reason?: Reason;
}

async function fromAudit(id: string, options: WhyOptions): Promise<Found | undefined> {
  const { folder } = await auditFolder(options);
  for (const row of query(folder, { uuid: id })) {
    const { decision, ...body } = JSON.parse(row.body) as Found & { readonly decision?: { reason?: Reason } };
    return { ...body, ...(decision?.reason ? { reason: decision.reason } : {}) };
  }
  return undefined;
}
