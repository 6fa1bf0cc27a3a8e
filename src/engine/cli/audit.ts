import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { setImmediate as breathe } from 'node:timers/promises';
import type { Command } from 'commander';
import { appendAnchor, makeAnchor, readAnchors } from '../../outputs/audit/anchor.ts';
import { backup } from '../../outputs/audit/backup.ts';
import { loadPublicKey, loadSigningKey } from '../../outputs/audit/keys.ts';
import { query } from '../../outputs/audit/query.ts';
import { cells, csvLine, exportLine, HEADER, jsonLine, terminalCells } from '../../outputs/audit/render.ts';
import { FRAMEWORKS, type FrameworkName } from '../../outputs/audit/report/controls.ts';
import { reportHtml, reportMarkdown } from '../../outputs/audit/report/render.ts';
import { makeReport } from '../../outputs/audit/report/report.ts';
import { type VerifyOptions, verifyFolder } from '../../outputs/audit/verify.ts';
import { escapeForTerminal } from '../../outputs/formats/text.ts';
import { epochNs } from '../core/clock.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { addFilters, type FilterFlags, parseEnd, parseTime, toFilter } from './audit-filter.ts';
import { announceReading, auditFolder } from './audit-folder.ts';
import { choice } from './choice.ts';
import { act, type CommandSpec } from './command.ts';
import { collect, usage } from './options.ts';
import { note, paint, print, printJson, printTable } from './output.ts';

/** Rows shown on a terminal if no limit was asked for. */
const SCREEN = 1_000;

export const command: CommandSpec = {
  examples: [
    ['ringfence audit query --since 2h --priority warning', 'what happened lately'],
    ['ringfence audit query --kind denial --json', 'every refusal, a JSON object a line'],
    ['ringfence audit verify --anchors anchors.jsonl --key audit.pub', 'is it all there, and unchanged?'],
    ['ringfence audit report --control pci --from 2026-10-01 --to 2026-10-31', 'evidence for an assessor'],
  ],
  configure(command) {
    configureQuery(command);
    configureVerify(command);
    configureExport(command);
    configureBackup(command);
    configureAnchor(command);
    configureReport(command);
  },
};

interface PlaceFlags {
  readonly path?: string;
  readonly config?: string;
}

function sub(parent: Command, name: string, description: string): Command {
  return parent
    .command(name)
    .description(description)
    .option('--path <folder>', 'folder of the audit, live or copied (default: outputs.audit.path)')
    .option('-c, --config <file>', 'configuration file');
}

function configureQuery(parent: Command): void {
  addFilters(sub(parent, 'query', 'show rows'))
    .option('--json', 'a JSON object a line')
    .option('--csv', 'comma-separated values with a header')
    .action(
      act(async (flags: PlaceFlags & FilterFlags & { json?: boolean; csv?: boolean }) => {
        const filter = toFilter(flags);
        const place = await auditFolder(flags);
        await announceReading(place, 'query', flags);
        const screen = process.stdout.isTTY && !flags.json && !flags.csv;
        const limited = screen && filter.limit === undefined ? { ...filter, limit: SCREEN } : filter;
        const rows = query(place.folder, limited);
        if (screen) {
          const table = [...rows].map(terminalCells);
          printTable(HEADER, table);
          if (table.length === SCREEN) note(`only the newest ${SCREEN} rows are shown; --limit N shows more`);
          return EXIT.ok;
        }
        if (flags.csv) process.stdout.write(csvLine(HEADER));
        await each(rows, (row) => {
          if (flags.json) print(jsonLine(row));
          else if (flags.csv) process.stdout.write(csvLine(cells(row)));
          else printTable(HEADER, [terminalCells(row)]);
        });
        return EXIT.ok;
      }),
    );
}

interface TrustFlags {
  readonly anchors?: string;
  readonly key?: string[];
}

function addTrust(command: Command): Command {
  return command
    .option('--anchors <file>', 'published anchors, one a line (a log with them will do)')
    .option('--key <file>', 'public key that signed; may be repeated', collect, []);
}

function configureVerify(parent: Command): void {
  addTrust(sub(parent, 'verify', 'check that no row was changed, removed or put in; exit code 4 if one was'))
    .option('--json', 'one JSON object')
    .action(
      act(async (flags: PlaceFlags & TrustFlags & { json?: boolean }) => {
        const { folder } = await auditFolder(flags);
        const report = verifyFolder(folder, trust(flags));
        if (flags.json) printJson({ schema: 'ringfence.audit.verify.v1', folder, ...report });
        else {
          for (const { file, seq, what } of report.problems) {
            const place = [file, seq === undefined ? undefined : `row ${seq}`].filter(Boolean).join(', ');
            print(`${paint('red', 'BROKEN')}  ${escapeForTerminal(`${place ? `${place}: ` : ''}${what}`)}`);
          }
          for (const warning of report.warnings)
            print(`${paint('yellow', 'warn')}    ${escapeForTerminal(warning)}`);
          const { rows, files, head, anchorsChecked, anchorsSigned, signaturesChecked } = report;
          const end = head ? `, head ${head.seq} ${head.hash}` : '';
          const state = report.ok
            ? 'unbroken'
            : `broken${report.firstBroken ? ` from row ${report.firstBroken}` : ''}`;
          print(
            `${state}: ${rows} rows in ${files} file(s), ${signaturesChecked} signed, ${anchorsChecked} anchors compared, ${anchorsSigned} of them signed${end}`,
          );
        }
        return report.ok ? EXIT.ok : EXIT.problems;
      }),
    );
}

function configureExport(parent: Command): void {
  addFilters(sub(parent, 'export', 'write rows with all that their hashes cover, a JSON object a line'))
    .option('--to <file>', 'a new file (default: standard output)')
    .option('--csv', 'comma-separated values, for reading only')
    .action(
      act(async (flags: PlaceFlags & FilterFlags & { to?: string; csv?: boolean }) => {
        const filter = toFilter(flags);
        const place = await auditFolder(flags);
        await announceReading(place, 'export', flags);
        const fd = flags.to === undefined ? undefined : openNew(flags.to);
        const write = (text: string): void => {
          if (fd === undefined) process.stdout.write(text);
          else writeFileSync(fd, text);
        };
        if (flags.csv) write(csvLine(HEADER));
        let count = 0;
        await each(query(place.folder, filter), (row) => {
          count++;
          write(flags.csv ? csvLine(cells(row)) : `${exportLine(row)}\n`);
        });
        if (fd !== undefined) closeSync(fd);
        note(`${count} rows exported`);
        return EXIT.ok;
      }),
    );
}

function configureBackup(parent: Command): void {
  sub(
    parent,
    'backup',
    'copy the audit, while it is being written, into a new folder that verifies by itself',
  )
    .requiredOption('--to <folder>', 'a new folder')
    .action(
      act(async (flags: PlaceFlags & { to: string }) => {
        const place = await auditFolder(flags);
        await announceReading(place, 'backup', { to: flags.to });
        const { files, seq, hash } = backup(place.folder, flags.to);
        print(`${files} files up to row ${seq} (${hash}) in ${flags.to}`);
        return EXIT.ok;
      }),
    );
}

function configureAnchor(parent: Command): void {
  sub(parent, 'anchor', 'print the head of the chain, to be kept where this host cannot change it')
    .option('--key <file>', 'Ed25519 private key to sign it with')
    .option('--to <file>', 'append it to a file instead')
    .action(
      act(async (flags: PlaceFlags & { key?: string; to?: string }) => {
        const { folder } = await auditFolder(flags);
        const { head, ok, firstBroken } = verifyFolder(folder);
        if (!ok || !head) {
          throw new AppError(
            'E_AUDIT_BROKEN',
            `the chain is broken at row ${firstBroken ?? '?'}: nothing to vouch for`,
            {
              exitCode: EXIT.problems,
              help: 'ringfence audit verify says what is wrong',
            },
          );
        }
        const key = flags.key === undefined ? undefined : loadSigningKey(flags.key);
        const [last] = query(folder, { limit: 1 });
        const time = last ? cells(last)[0]! : '';
        const anchor = makeAnchor(head, { host: hostOf(folder), time }, key);
        if (flags.to === undefined) print(JSON.stringify(anchor));
        else appendAnchor(flags.to, anchor);
        return EXIT.ok;
      }),
    );
}

function hostOf(folder: string): string {
  for (const { body } of query(folder, { kinds: ['open'], limit: 1 })) {
    const { host } = JSON.parse(body) as { host?: unknown };
    if (typeof host === 'string') return host;
  }
  return '';
}

function configureReport(parent: Command): void {
  addTrust(
    sub(parent, 'report', 'collect evidence for the controls of a framework, and say where it is thin'),
  )
    .addOption(choice('--control <name>', 'framework', Object.keys(FRAMEWORKS)).makeOptionMandatory())
    .option('--from <time>', 'start of the period', '30d')
    .option('--to <time>', 'end of the period; a day includes its end', 'now')
    .addOption(choice('--format <name>', 'form of the report', ['md', 'html', 'json']).default('md'))
    .action(
      act(
        async (
          flags: PlaceFlags &
            TrustFlags & { control: FrameworkName; from: string; to: string; format: string },
        ) => {
          const { control: name } = flags;
          const fromNs = parseTime('--from', flags.from);
          const toNs = parseEnd('--to', flags.to);
          if (toNs <= fromNs)
            throw usage('the period ends before it begins', '--from 2026-10-01 --to 2026-10-31');
          const place = await auditFolder(flags);
          await announceReading(place, 'report', { control: name });
          const report = makeReport(place.folder, name, { fromNs, toNs, nowNs: epochNs() }, trust(flags));
          if (flags.format === 'json') printJson(report);
          else process.stdout.write(flags.format === 'html' ? reportHtml(report) : reportMarkdown(report));
          return EXIT.ok;
        },
      ),
    );
}

function trust(flags: TrustFlags): VerifyOptions {
  const publicKeys = (flags.key ?? []).map((path) => {
    try {
      return loadPublicKey(readFileSync(path, 'utf8'));
    } catch (cause) {
      throw usage(
        `${path} is not a public key: ${(cause as Error).message}`,
        'openssl pkey -in KEY -pubout makes one',
      );
    }
  });
  if (flags.anchors === undefined) return { publicKeys };
  const anchors = readAnchors(flags.anchors);
  if (anchors.length > 0) return { publicKeys, anchors };
  throw new AppError('E_AUDIT_ANCHORS', `there is no anchor in ${flags.anchors}`, {
    exitCode: EXIT.problems,
  });
}

/** A file that was not there, for its owner only. */
function openNew(path: string): number {
  try {
    return openSync(path, 'wx', 0o600);
  } catch (cause) {
    throw new AppError('E_AUDIT_EXPORT', `cannot make ${path}: ${(cause as NodeJS.ErrnoException).code}`, {
      cause,
    });
  }
}

/** Goes through rows, and lets the process notice now and then that its reader has gone away. */
async function each<T>(rows: Iterable<T>, take: (row: T) => void): Promise<void> {
  let n = 0;
  for (const row of rows) {
    take(row);
    if (++n % 1000 === 0) await breathe();
  }
}
