import { statSync } from 'node:fs';
import { escapeForTerminal } from '../../formats/text.ts';
import { rfc3339Nano } from '../../formats/time.ts';
import type { StoredRow } from '../database.ts';
import { requireFiles } from '../folder.ts';
import { query } from '../query.ts';
import { cells, parseBody } from '../render.ts';
import { type VerifyOptions, type VerifyReport, verifyFolder } from '../verify.ts';
import { type CheckKey, type Control, FRAMEWORKS, type FrameworkName } from './controls.ts';
import { EVIDENCE, type EvidenceKey, evidence, isInternal } from './evidence.ts';

/** One row of evidence, as it is shown. All texts may come from an attacker. */
export interface Sample {
  readonly seq: number;
  readonly time: string;
  readonly kind: string;
  readonly rule: string;
  readonly user: string;
  readonly text: string;
}

export interface CheckResult {
  readonly ok: boolean;
  readonly text: string;
}

export interface ControlReport {
  readonly id: string;
  readonly asks: string;
  readonly evidence: readonly {
    readonly title: string;
    readonly count: number;
    readonly samples: readonly Sample[];
  }[];
  readonly checks: readonly CheckResult[];
  /** Where the evidence is thin in this period; empty if it is not. */
  readonly thin: readonly string[];
  /** What this evidence can never show. */
  readonly limits: string;
}

export interface Report {
  readonly schema: 'ringfence.audit.report.v1';
  readonly framework: string;
  readonly from: string;
  readonly to: string;
  readonly made: string;
  readonly rows: number;
  readonly controls: readonly ControlReport[];
}

export interface Period {
  readonly fromNs: bigint;
  /** Not included. */
  readonly toNs: bigint;
  readonly nowNs: bigint;
}

const SAMPLES = 3;
const DAY_NS = 86_400_000_000_000n;

/** Collects the evidence of a period for each control of a framework. */
export function makeReport(
  folder: string,
  name: FrameworkName,
  period: Period,
  verify: VerifyOptions = {},
): Report {
  const facts = collect(folder, period);
  const integrity = verifyFolder(folder, verify);
  const checks = checkAll(folder, facts, integrity, period);
  const framework = FRAMEWORKS[name];
  return {
    schema: 'ringfence.audit.report.v1',
    framework: framework.title,
    from: rfc3339Nano(period.fromNs),
    to: rfc3339Nano(period.toNs),
    made: rfc3339Nano(period.nowNs),
    rows: facts.rows,
    controls: framework.controls.map((control) => judge(control, facts, checks)),
  };
}

interface Facts {
  rows: number;
  /** Rows with who, what and where, out of the alerts. */
  alerts: number;
  attributed: number;
  uncleanStarts: number;
  lost: number;
  steps: number;
  signedAnchors: number;
  readonly found: Map<EvidenceKey, { count: number; samples: Sample[] }>;
}

function collect(folder: string, period: Period): Facts {
  const found: Facts['found'] = new Map();
  const keys = Object.keys(EVIDENCE) as EvidenceKey[];
  for (const key of keys) found.set(key, { count: 0, samples: [] });
  const facts: Facts = {
    rows: 0,
    alerts: 0,
    attributed: 0,
    uncleanStarts: 0,
    lost: 0,
    steps: 0,
    signedAnchors: 0,
    found,
  };
  let running = false;
  for (const row of query(folder, { sinceNs: period.fromNs, untilNs: period.toNs })) {
    const body = parseBody(row);
    const { kind } = row;
    facts.rows++;
    for (const key of keys) {
      if (!EVIDENCE[key].holds({ kind, body })) continue;
      const entry = found.get(key)!;
      entry.count++;
      if (entry.samples.length < SAMPLES) entry.samples.push(sample(row));
    }
    if (kind === 'start') {
      if (running) facts.uncleanStarts++;
      running = true;
    } else if (kind === 'stop') running = false;
    else if (kind === 'loss') facts.lost += Number(body.count) || 0;
    else if (kind === 'clock') facts.steps++;
    else if (kind === 'anchor' && body.signature !== undefined) facts.signedAnchors++;
    else if ((kind === 'alert' || kind === 'denial') && !isInternal({ kind, body })) {
      const [, , , , rule, user, process] = cells(row);
      facts.alerts++;
      if (rule && user && process) facts.attributed++;
    }
  }
  return facts;
}

function sample(row: StoredRow): Sample {
  const [time = '', , kind = '', , rule = '', user = '', , , text = ''] = cells(row).map(escapeForTerminal);
  return { seq: row.seq, time, kind, rule, user, text: text.length > 200 ? `${text.slice(0, 200)}…` : text };
}

function judge(control: Control, facts: Facts, all: Record<CheckKey, CheckResult>): ControlReport {
  const rows = control.evidence.map((key) => ({ title: evidence(key).title, ...facts.found.get(key)! }));
  const checks = control.checks.map((key) => all[key]);
  const thin = control.evidence
    .filter((key) => facts.found.get(key)!.count === 0 && evidence(key).quiet !== true)
    .map(evidence)
    .map(({ title }) => `no ${title} in the period: it did not happen, or no rule looked for it`);
  for (const { ok, text } of checks) if (!ok) thin.push(text);
  return { id: control.id, asks: control.asks, evidence: rows, checks, thin, limits: control.limits };
}

function checkAll(
  folder: string,
  facts: Facts,
  integrity: VerifyReport,
  period: Period,
): Record<CheckKey, CheckResult> {
  const files = requireFiles(folder);
  const open = [folder, ...files.map((f) => f.path)].filter((path) => (statSync(path).mode & 0o077) !== 0);
  const oldest = oldestRow(folder);
  const days = oldest === undefined ? 0 : Number((period.nowNs - oldest) / DAY_NS);
  const { alerts, attributed, uncleanStarts, lost, steps, signedAnchors } = facts;
  const first = integrity.problems[0]?.what ?? '';
  return {
    chain: integrity.ok
      ? { ok: true, text: `the chain of ${integrity.rows} rows in ${integrity.files} files is unbroken` }
      : {
          ok: false,
          text: `the chain is broken at row ${integrity.firstBroken ?? '?'}: ${escapeForTerminal(first)}`,
        },
    signed:
      signedAnchors > 0
        ? { ok: true, text: `${signedAnchors} heads of the chain were signed` }
        : { ok: false, text: 'no head of the chain was signed in the period: set outputs.audit.key_file' },
    modes:
      open.length === 0
        ? { ok: true, text: 'folder and files can be read by their owner only' }
        : { ok: false, text: `others have rights to ${escapeForTerminal(open.join(', '))}` },
    continuity:
      uncleanStarts === 0
        ? { ok: true, text: 'every start of the engine but the first follows an orderly stop' }
        : { ok: false, text: `${uncleanStarts} starts of the engine without an orderly stop before them` },
    loss:
      lost === 0
        ? { ok: true, text: 'no event or row is recorded as lost' }
        : { ok: false, text: `${lost} events or rows are recorded as lost` },
    year: atLeast(days, 365),
    quarter: atLeast(days, 90),
    clock:
      steps === 0
        ? { ok: true, text: 'no step of the wall clock by more than a second' }
        : { ok: false, text: `the wall clock was set ${steps} times by more than a second` },
    actors:
      alerts === attributed
        ? { ok: true, text: `all ${alerts} alerts name rule, user and process` }
        : {
            ok: false,
            text: `${alerts - attributed} of ${alerts} alerts do not name rule, user and process`,
          },
  };
}

function atLeast(days: number, wanted: number): CheckResult {
  if (days >= wanted) return { ok: true, text: `the oldest row is ${days} days old` };
  return { ok: false, text: `the oldest row is ${days} days old, ${wanted} are asked for` };
}

function oldestRow(folder: string): bigint | undefined {
  for (const row of query(folder)) return row.timeNs;
  return undefined;
}
