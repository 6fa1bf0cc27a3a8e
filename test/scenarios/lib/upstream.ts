import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parse } from 'yaml';
import { probe } from '../../../src/sensors/bpf/probe.ts';
import type { Container } from '../../lib/container.ts';
import type { AlertLine, LiveEngine } from '../../lib/engine.ts';
import { SLOWNESS } from '../../lib/slowness.ts';
import { type Place, type Stage, scenarioFiles } from './stage.ts';
import { type ActStep, compileSteps } from './steps.ts';

/** Something to do, and where. */
export interface Act {
  /** `host` (default) or a kind of container: without rights, with all of them, with the labels of a pod. */
  readonly in?: 'host' | Place;
  readonly do: readonly ActStep[];
  /** What the first process in a container is called. */
  readonly name?: 'act' | 'sh' | 'tar';
  /** Give it a terminal. */
  readonly tty?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Texts to write and links to make on the host before, below the act's folder. */
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
}

/** One rule: an act that raises it with these fields, and acts that nearly do. */
export interface UpstreamScenario extends Act {
  readonly rule: string;
  /** What is special, when a rule has several. */
  readonly about?: string;
  /** Output fields of the alert; `/…/r` is a regular expression over the text. */
  readonly fields?: Readonly<Record<string, unknown>>;
  readonly output?: string;
  /** Other acts, with the same files. */
  readonly misses?: readonly (Act & { readonly about: string })[];
  /** Seen only by programs at functions, or by 32-bit callers of x86-64. */
  readonly needs?: 'functions' | 'x86-64';
  /** Works only with a real runtime: its processes, containers without rights, what its API tells. */
  readonly runtime?: boolean;
}

/** Reads a folder of scenarios. */
export function loadUpstream(folder: string): { file: string; scenarios: UpstreamScenario[] }[] {
  return scenarioFiles(folder).map((path) => ({
    file: basename(path),
    scenarios: parse(readFileSync(path, 'utf8')) as UpstreamScenario[],
  }));
}

/** What a scenario needs and is not there. */
export function lacks(stage: Stage, scenario: UpstreamScenario): string | undefined {
  if (scenario.runtime === true && !stage.metadata) return 'needs podman';
  if (scenario.needs === 'x86-64' && process.arch !== 'x64') return 'needs x86-64';
  const functions = scenario.needs === 'functions' ? probe('fentry') : undefined;
  if (functions !== undefined && functions.answer !== 'yes') return functions.why ?? 'needs BPF trampolines';
  const place = scenario.in ?? 'host';
  return place === 'host' || stage.container(place) ? undefined : 'needs containers';
}

const ACT_MS = 30_000 * SLOWNESS;

/** Does an act; resolves to the mark that its processes carry in their environment. */
export async function perform(stage: Stage, act: Act): Promise<string> {
  const mark = `RF_MARK=${randomUUID()}`;
  const place = act.in ?? 'host';
  const folder = mkdtempSync(join(tmpdir(), 'rf-'));
  try {
    prepare(folder, act);
    if (place === 'host') await onHost(stage.actor, act, folder, mark);
    else await inContainer(stage.container(place) as Container, act, mark);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return mark;
}

function prepare(folder: string, act: Act): void {
  // Other users look for programs in it.
  chmodSync(folder, 0o755);
  for (const [name, text] of Object.entries(act.files ?? {})) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
  for (const [name, target] of Object.entries(act.links ?? {})) symlinkSync(target, join(folder, name));
}

function environment(act: Act, folder: string, mark: string): Record<string, string> {
  const [name = '', value = ''] = mark.split('=');
  return { [name]: value, ...act.env, RF_STEPS: compileSteps(act.do, folder) };
}

async function onHost(actor: string, act: Act, folder: string, mark: string): Promise<void> {
  const env = { PATH: process.env.PATH ?? '', ...environment(act, folder, mark) };
  const child = spawn(actor, [], { cwd: folder, env, detached: true, timeout: ACT_MS, stdio: 'pipe' });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const code = await new Promise((resolve) => child.once('close', resolve));
  if (code !== 0) throw new Error(`the act failed (${code}): ${said}`);
}

async function inContainer(container: Container, act: Act, mark: string): Promise<void> {
  const result = await container.exec([`/rf/${act.name ?? 'act'}`], {
    env: environment(act, '/tmp', mark),
    tty: act.tty ?? false,
    timeoutMs: ACT_MS,
  });
  if (result.code !== 0) throw new Error(`the act failed (${result.code}): ${result.stderr}`);
}

/** Alerts of a rule by processes with this mark. */
export function alertsOf(engine: LiveEngine, rule: string, mark: string): AlertLine[] {
  return engine.alerts.filter(
    (alert) => alert.rule === rule && String(alert.output_fields['proc.env']).includes(mark),
  );
}

/** Longest way from an act to its alert; and what an alert may take longer than one of a later event. */
const ARRIVE_MS = 5_000;
const SETTLE_MS = 250;

const BARRIER = '/tmp/rf-barrier-';

/** A rule for `settle`. */
export const BARRIER_RULE = `
- rule: Barrier
  desc: A test wants to know that everything before has been looked at.
  condition: evt.type in (open, openat) and fd.name startswith ${BARRIER}
  output: '%fd.name'
  priority: NOTICE
`;

/** Waits for an alert of a rule that is as wanted; resolves to all of the rule's. */
export async function arrived(
  engine: LiveEngine,
  rule: string,
  mark: string,
  wanted: (alert: AlertLine) => boolean,
): Promise<AlertLine[]> {
  await engine.until(() => alertsOf(engine, rule, mark).some(wanted), ARRIVE_MS);
  return alertsOf(engine, rule, mark);
}

/** Waits until the engine has looked at all that was done until now: events are looked at in their order. */
export async function settle(engine: LiveEngine): Promise<void> {
  const mark = BARRIER + randomUUID();
  await open(mark).catch(() => {});
  const passed = await engine.until(
    () =>
      engine.alerts.some(
        ({ rule, output_fields: fields }) => rule === 'Barrier' && fields['fd.name'] === mark,
      ),
    ARRIVE_MS,
  );
  if (!passed) throw new Error('the engine does not get to where it can be asked');
  await sleep(SETTLE_MS);
}
