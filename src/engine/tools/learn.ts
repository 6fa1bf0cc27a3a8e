import { stringify } from 'yaml';
import type { Alert } from '../core/alert.ts';

/** How a subject's acts are told apart from all others. */
export interface Subject {
  readonly kind: 'program' | 'container';
  /** Name of the program (proc.name) or id of the container. */
  readonly name: string;
}

/** One act of a subject, as text. */
export type Act =
  | { readonly kind: 'exec'; readonly exepath: string }
  | { readonly kind: 'file'; readonly folder: string; readonly write: boolean }
  | { readonly kind: 'connect'; readonly address: string; readonly port: string };

type Item = Readonly<Record<string, unknown>>;

/** Fields by which a noisy rule's alerts are told apart: the first two that all its alerts have. */
const TELLING = ['proc.name', 'fd.name', 'proc.exepath', 'proc.pname', 'fd.sip', 'proc.cmdline'];
/** Beyond so many different values an exception would be a hole: the rule is left to a person. */
const VALUES_MAX = 50;

/** Exceptions that would silence what rules said of a time that was known to be good. */
export function learnExceptions(alerts: readonly Alert[]): Item[] {
  return [...new Set(alerts.map((alert) => alert.rule))].flatMap((rule) => {
    const own = alerts.filter((alert) => alert.rule === rule);
    const fields = TELLING.filter((field) =>
      own.every((alert) => typeof alert.fields[field] === 'string'),
    ).slice(0, 2);
    const values = distinct(own.map((alert) => fields.map((field) => String(alert.fields[field]))));
    const sayable = values.filter((row) => row.every((text) => quote(text) === `"${text}"`));
    if (fields.length === 0 || sayable.length === 0 || values.length > VALUES_MAX) return [];
    return [
      {
        rule,
        exceptions: [{ name: 'learned', fields, values: sayable.map((row) => row.map(quote)) }],
        override: { exceptions: 'append' },
      },
    ];
  });
}

/** Rules that alert on whatever a subject did not do while it was learned from. */
export class Allowed {
  readonly #subject: Subject;
  readonly #programs = new Set<string>();
  readonly #reads = new Set<string>();
  readonly #writes = new Set<string>();
  readonly #peers = new Set<string>();

  constructor(subject: Subject) {
    this.#subject = subject;
  }

  add(act: Act): void {
    if (act.kind === 'exec') this.#programs.add(act.exepath);
    else if (act.kind === 'connect') this.#peers.add(`${act.address} ${act.port}`);
    else (act.write ? this.#writes : this.#reads).add(act.folder);
  }

  rules(): Item[] {
    const { kind, name } = this.#subject;
    const quoted = quote(name);
    const whose = kind === 'program' ? `proc.name = ${quoted}` : `container.id = ${quoted}`;
    const whoseExec = kind === 'program' ? `proc.pname = ${quoted}` : whose;
    const opened = (bit: string): string =>
      `evt.type in (open, openat, openat2) and fd.num >= 0 and fd.typechar = f and evt.${bit} = true and ${whose}`;
    const peers = [...this.#peers].sort().map((peer) => {
      const [address = '', port = ''] = peer.split(' ');
      return `(fd.sip = ${quote(address)} and fd.sport = ${port})`;
    });
    const connect = `evt.type = connect and fd.typechar in (4, 6) and (evt.rawres >= 0 or evt.res = EINPROGRESS) and ${whose}`;
    return [
      rule(`${name}: program not seen before`, [
        `evt.type in (execve, execveat) and evt.res = SUCCESS and ${whoseExec}`,
        ...unless('proc.exepath in', this.#programs),
      ]),
      rule(`${name}: file read in a folder not seen before`, [
        opened('is_open_read'),
        ...unless('fd.directory in', this.#reads),
      ]),
      rule(`${name}: file written in a folder not seen before`, [
        opened('is_open_write'),
        ...unless('fd.directory in', this.#writes),
      ]),
      rule(`${name}: peer not seen before`, [
        connect,
        ...(peers.length === 0 ? [] : [`not (${peers.join(' or ')})`]),
      ]),
    ];
  }
}

/** Rules as a file to look through. */
export function learnedFile(items: readonly Item[], from: string): string {
  const comment = `# Proposed from ${from.replace(/[^\x20-\x7e]/g, '?')}. Read every line before you load it.\n`;
  return comment + (items.length === 0 ? '[]\n' : stringify(items, { lineWidth: 110 }));
}

function rule(name: string, conditions: readonly string[]): Item {
  return {
    rule: name,
    desc: 'Proposed by ringfence learn: something that was not done while it watched.',
    condition: conditions.join(' and '),
    output:
      'Not seen while learning (command=%proc.cmdline exe=%proc.exepath file=%fd.name user=%user.name container=%container.id)',
    priority: 'WARNING',
    tags: ['learned'],
  };
}

function unless(test: string, values: ReadonlySet<string>): string[] {
  return values.size === 0 ? [] : [`not ${test} (${[...values].sort().map(quote).join(', ')})`];
}

function distinct(rows: readonly (readonly string[])[]): (readonly string[])[] {
  return [...new Map(rows.map((row) => [JSON.stringify(row), row])).values()];
}

/** A value in quotes; what cannot be written there stands as a question mark, and then matches nothing. */
function quote(text: string): string {
  return `"${text.replace(/[\0-\x1f"\\]/g, '?')}"`;
}
