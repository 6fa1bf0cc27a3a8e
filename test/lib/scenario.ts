import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { PACKAGE_ROOT } from '../../src/engine/core/package.ts';
import type { Step } from './actor.ts';
import type { AlertLine, LiveEngine } from './engine.ts';
import { SLOWNESS } from './slowness.ts';

/** An alert that must come. */
export interface Expected {
  readonly rule: string;
  readonly priority?: string;
  /** Values of output fields; `/…/r` is a regular expression over the text. */
  readonly fields?: Readonly<Record<string, unknown>>;
  /** What the kernel did about it: denied, killed, would_deny, observed. */
  readonly guarantee?: string;
  /** A regular expression over the output. */
  readonly output?: string;
}

/** A real act and the alerts that it raises: exactly these, in any order; none if it is a near miss. */
export interface Scenario {
  readonly name: string;
  /** Done before, by the test itself: files and folders. */
  readonly setup?: readonly Step[];
  /** Done by an actor in a session of its own. `$DIR` is an empty folder. */
  readonly steps: readonly Step[];
  readonly expect: readonly Expected[];
}

/** One file of test/scenarios: scenarios that share an engine. */
export interface ScenarioFile {
  readonly file: string;
  readonly note: string;
  /** Rules in place of the built-in ones. */
  readonly rules?: string;
  readonly config?: Readonly<Record<string, unknown>>;
  readonly scenarios: readonly Scenario[];
}

/** Reads test/scenarios/*.yaml. */
export function loadScenarios(folder = join(PACKAGE_ROOT, 'test/scenarios')): ScenarioFile[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort()
    .map((name) => ({ ...(parse(readFileSync(join(folder, name), 'utf8')) as ScenarioFile), file: name }));
}

/** Configuration that lets alerts be told apart by who caused them: the session of the actor. */
export const SESSION_FIELD = { append_output: [{ extra_fields: ['proc.sid'] }] } as const;

/** How long an alert may take; and how long to look for one too many. */
const ARRIVE_MS = 5000;
const SETTLE_MS = 250 * SLOWNESS;

/** Performs a scenario against a running engine and returns the alerts that its actor caused. */
export async function performScenario(engine: LiveEngine, scenario: Scenario): Promise<AlertLine[]> {
  const folder = mkdtempSync(join(tmpdir(), 'rf-act-'));
  const place = (steps: readonly Step[]): string => JSON.stringify(steps).replaceAll('$DIR', folder);
  try {
    await actor(place(scenario.setup ?? []));
    const session = await actor(place(scenario.steps));
    const own = (): AlertLine[] =>
      engine.alerts.filter((alert) => alert.output_fields['proc.sid'] === session);
    await engine.until(() => own().length >= scenario.expect.length, ARRIVE_MS);
    await sleep(SETTLE_MS);
    return own();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs steps in a new session; its id. */
async function actor(steps: string): Promise<number> {
  const script = join(PACKAGE_ROOT, 'dist/test/lib/act.js');
  const child = spawn(process.execPath, [script], { detached: true, stdio: ['pipe', 'ignore', 'inherit'] });
  child.stdin.end(steps);
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the actor failed: ${steps}`);
  return child.pid ?? -1;
}

/** What differs between the alerts that came and those expected; empty if nothing does. */
export function differences(got: readonly AlertLine[], expected: readonly Expected[]): string[] {
  const rest = [...got];
  const out: string[] = [];
  for (const want of expected) {
    const best = rest
      .map((alert) => [alert, mismatch(alert, want)] as const)
      .sort((a, b) => a[1].length - b[1].length)[0];
    if (!best) out.push(`missing: ${want.rule}`);
    else {
      rest.splice(rest.indexOf(best[0]), 1);
      out.push(...best[1]);
    }
  }
  return [...out, ...rest.map((alert) => `too many: ${alert.output}`)];
}

function mismatch(alert: AlertLine, want: Expected): string[] {
  const out: string[] = [];
  if (alert.rule !== want.rule) out.push(`rule is ${alert.rule}, not ${want.rule}`);
  if (want.priority !== undefined && alert.priority !== want.priority) {
    out.push(`priority is ${alert.priority}, not ${want.priority}`);
  }
  for (const [name, value] of Object.entries(want.fields ?? {})) {
    const actual = alert.output_fields[name];
    if (!same(actual, value)) out.push(`${name} is ${JSON.stringify(actual)}, not ${JSON.stringify(value)}`);
  }
  const guarantee = (alert.ringfence as { guarantee?: string } | undefined)?.guarantee;
  if (want.guarantee !== undefined && guarantee !== want.guarantee) {
    out.push(`guarantee is ${guarantee}, not ${want.guarantee}`);
  }
  if (want.output !== undefined && !new RegExp(want.output).test(alert.output)) {
    out.push(`output is ${alert.output}`);
  }
  return out;
}

function same(actual: unknown, wanted: unknown): boolean {
  if (typeof wanted === 'string' && wanted.length > 1 && wanted.startsWith('/') && wanted.endsWith('/r')) {
    return new RegExp(wanted.slice(1, -2)).test(String(actual));
  }
  return actual === (wanted ?? null);
}
