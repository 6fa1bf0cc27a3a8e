import fs from 'node:fs';
import type { Command } from 'commander';
import { PROTOCOL_NUMBERS } from '../../enforce/deny/deny-entry.ts';
import type { DenyView, ImportReport } from '../../enforce/index.ts';
import { escapeForTerminal } from '../../outputs/formats/text.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { choice } from './choice.ts';
import { act, type CommandSpec } from './command.ts';
import { askEngine, type ControlOptions, withControl } from './control.ts';
import { importFeed } from './deny-import.ts';
import { type PushOptions, pushDeny } from './deny-push.ts';
import { withNats } from './nats-options.ts';
import { duration, usage } from './options.ts';
import { note, print, printJson } from './output.ts';

interface EntryOptions extends ControlOptions {
  readonly port?: string;
  readonly proto?: string;
  readonly ttl?: string;
  readonly reason?: string;
  readonly scope?: string;
}

export const command: CommandSpec = {
  examples: [
    ['ringfence deny add 203.0.113.0/24 --ttl 1h --reason "botnet"', 'refuse a network for an hour'],
    ['ringfence deny add 192.0.2.7 --port 443 --proto tcp', 'refuse one service'],
    ['ringfence deny import feed.txt --ttl 24h', 'one address or network a line, # begins a comment'],
    ['ringfence deny list', 'entries with their hits'],
    [
      'ringfence deny push 192.0.2.7 --ttl 1h --nats nats://hub --secret-file fleet.key',
      'refuse it everywhere',
    ],
    ['ringfence deny remove 17', 'by id, or by target'],
  ],
  configure(command) {
    withEntry(command.command('add <target>').description('refuse an address, a network or a path')).action(
      act(async (target: string, options: EntryOptions) => {
        const entry = (await askEngine(options, 'deny.add', { target, ...entryArgs(options) })) as DenyView;
        if (options.json) printJson({ schema: 'ringfence.deny.v1', ...entry });
        else {
          print(`${entry.id}  ${describe(entry)}`);
          await noteIfNothingIsRefused(options);
        }
        return 0;
      }),
    );
    withControl(command.command('list').description('show all entries')).action(
      act(async (options: ControlOptions) => {
        const entries = (await askEngine(options, 'deny.list')) as DenyView[];
        if (options.json) printJson({ schema: 'ringfence.deny-list.v1', entries });
        else if (entries.length === 0) note('no entries');
        else for (const e of entries) print(`${String(e.id).padStart(6)}  ${describe(e)}  ${hits(e)}`);
        return 0;
      }),
    );
    withControl(command.command('remove <what>').description('remove by id or by target')).action(
      act(async (what: string, options: ControlOptions) => {
        const gone = (await askEngine(options, 'deny.remove', { what })) as DenyView[];
        if (options.json) printJson({ schema: 'ringfence.deny-list.v1', entries: gone });
        else for (const e of gone) print(`removed ${e.id}  ${describe(e)}`);
        return 0;
      }),
    );
    withNats(withEntryOptions(command.command('push <target>').description('tell a fleet, over NATS')))
      .option('--host <name>', "only this host; '*' = all", '*')
      .option('--remove', 'remove the entry instead')
      .option('--secret-file <path>', 'file with the secret that the hosts share')
      .option('--sign-file <path>', 'file with the seed of an nkey that the hosts trust')
      .option('--valid <time>', 'hosts that see the command later refuse it', '5m')
      .action(
        act(async (target: string, options: EntryOptions & PushOptions) => {
          print(await pushDeny(target, options, entryArgs(options)));
          note(
            `sent to ${options.host === '*' ? 'all hosts' : options.host}; who is not connected does not get it`,
          );
          return 0;
        }),
      );
    withEntry(command.command('import <file>').description('refuse all that a plain text feed lists')).action(
      act(async (file: string, options: EntryOptions) => {
        const entry = { source: `feed ${file}`, ...entryArgs(options) };
        const report = await importFeed(
          readFeed(file),
          async (part) => (await askEngine(options, 'deny.import', { ...entry, ...part })) as ImportReport,
        );
        if (options.json) printJson({ schema: 'ringfence.deny-import.v1', ...report });
        else {
          for (const bad of report.invalid) note(escapeForTerminal(`${file}:${bad.line}: ${bad.message}`));
          print(
            `${report.added} added, ${report.renewed} renewed, ${report.invalid.length} lines not understood`,
          );
          await noteIfNothingIsRefused(options);
        }
        return report.invalid.length > 0 ? EXIT.problems : 0;
      }),
    );
  },
};

/** Whoever adds an entry expects that it refuses. */
async function noteIfNothingIsRefused(options: ControlOptions): Promise<void> {
  const { mode, engine } = (await askEngine(options, 'status')) as {
    readonly mode: string;
    readonly engine: { readonly watchOnly: boolean };
  };
  if (mode === 'monitor') note('mode is monitor: what matches is reported and goes through');
  else if (engine.watchOnly) note('nothing is refused at present: `ringfence policy enforce` ends that');
}

const withEntry = (command: Command): Command => withEntryOptions(withControl(command));

function withEntryOptions(command: Command): Command {
  return command
    .option('--port <port>', 'only this port')
    .addOption(choice('--proto <name>', 'only this protocol', Object.keys(PROTOCOL_NUMBERS)))
    .option('--ttl <duration>', 'how long: 90s, 10m, 1h, 7d (absent = for ever)')
    .option('--reason <text>', 'why, for the alert')
    .option('--scope <scope>', 'only for user=UID or cgroup=/sys/fs/cgroup/PATH');
}

function entryArgs(options: EntryOptions): Record<string, unknown> {
  if (options.port !== undefined && !/^\d+$/.test(options.port))
    throw usage(`"${options.port}" is not a port`, 'a number from 1 to 65535');
  return {
    port: options.port === undefined ? undefined : Number(options.port),
    protocol: options.proto,
    ttl: duration('--ttl', options.ttl),
    reason: options.reason,
    scope: options.scope,
  };
}

function readFeed(file: string): string {
  try {
    return fs.readFileSync(file === '-' ? 0 : file, 'utf8');
  } catch (cause) {
    throw new AppError('E_FILE', `cannot read ${file}: ${(cause as Error).message}`, { cause });
  }
}

const hits = (e: DenyView): string => `hits=${e.hits}${e.lastHit === null ? '' : ` last=${e.lastHit}`}`;

function describe(e: DenyView): string {
  const parts = [e.target];
  if (e.port !== null) parts.push(`port=${e.port}`);
  if (e.protocol !== null) parts.push(`proto=${e.protocol}`);
  if (e.scope !== '') parts.push(e.scope);
  if (e.expires !== null) parts.push(`until=${e.expires}`);
  if (e.reason !== '') parts.push(`"${e.reason}"`);
  // A reason may come from a feed, or from what a rule saw.
  return escapeForTerminal(parts.join(' '));
}
