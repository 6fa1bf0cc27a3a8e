import { mkdtempSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { paint } from '../cli/output.ts';
import type { Config } from '../config/config.ts';
import type { Alert } from '../core/alert.ts';
import { EXIT } from '../core/diagnostic.ts';
import { createLog } from '../core/log.ts';
import { Engine } from '../main.ts';
import { BUILTIN_RULES } from '../rule-files.ts';
import { ACTS, cleanUp, type Place } from './acts.ts';

export interface DemoOptions {
  readonly readConfig: () => Config;
}

const LISTED = '127.66.66.66';
const OVERLAY = `- list: listed_addresses\n  items: ['"${LISTED}"']\n  override: {items: append}\n`;
const ARRIVE_MS = 5000;

/**
 * Performs suspicious acts in sandbox folders while the engine runs with the built-in rules, shows the alerts and a
 * summary. Exit code 0 if every act raised its alert, else 4.
 */
export async function runDemo(options: DemoOptions): Promise<number> {
  const { place, listener } = await makePlace();
  const overlay = join(place.sandbox, 'demo-rules.yaml');
  writeFileSync(overlay, OVERLAY);
  const alerts: Alert[] = [];
  // One engine beside another that already runs: its own socket.
  const socket = join(place.sandbox, 'control.sock');
  const readConfig = (): Config => {
    const config = options.readConfig();
    return {
      ...config,
      rule_matching: 'all',
      control: { enabled: true, socket },
      state_dir: join(place.sandbox, 'state'),
    };
  };
  say(`Setting up: sensors and built-in rules (sandbox ${place.sandbox})`);
  try {
    const engine = await Engine.start({
      readConfig,
      rules: [BUILTIN_RULES, overlay],
      dryRun: true,
      log: createLog({ level: 'warn' }),
      onAlert: (alert) => alerts.push(alert),
    });
    try {
      say(`Watching with ${engine.report?.rules} rules. Performing ${ACTS.length} suspicious acts:`);
      const missed = await performAll(place, alerts, () => engine.failure);
      say(summary(missed, alerts.length));
      return missed.length === 0 ? EXIT.ok : EXIT.problems;
    } finally {
      await engine.stop('demo');
    }
  } finally {
    listener.close();
    cleanUp(place);
  }
}

async function performAll(
  place: Place,
  alerts: readonly Alert[],
  failure: () => Promise<never>,
): Promise<string[]> {
  const missed: string[] = [];
  for (const [index, act] of ACTS.entries()) {
    say(`\n${paint('bold', `[${index + 1}/${ACTS.length}] ${act.says}`, process.stderr)}`);
    const before = alerts.length;
    await act.run(place);
    const arrived = (): boolean => alerts.slice(before).some((alert) => alert.rule === act.rule);
    if (!(await Promise.race([waitFor(arrived), failure()]))) {
      missed.push(act.rule);
      say(`  no alert of "${act.rule}" within ${ARRIVE_MS / 1000} s`);
    }
    // Lets the console finish the line before the next heading.
    await sleep(50);
  }
  return missed;
}

async function waitFor(condition: () => boolean): Promise<boolean> {
  const end = performance.now() + ARRIVE_MS;
  while (!condition() && performance.now() < end) await sleep(5);
  return condition();
}

function summary(missed: readonly string[], total: number): string {
  const seen = ACTS.length - missed.length;
  const text = `${seen} of ${ACTS.length} acts raised their alert; ${total} alerts in all. The sandbox is removed.`;
  return `\n${paint(missed.length === 0 ? 'green' : 'red', text, process.stderr)}\nNext: ringfence run`;
}

async function makePlace(): Promise<{ place: Place; listener: Server }> {
  const listener = createServer((peer) => peer.destroy());
  const port = await new Promise<number>((resolve, reject) => {
    listener.once('error', reject);
    listener.listen(0, LISTED, () => {
      const address = listener.address();
      resolve(typeof address === 'object' && address ? address.port : 0);
    });
  });
  const place = {
    sandbox: mkdtempSync(join(tmpdir(), 'ringfence-demo-')),
    memory: mkdtempSync('/dev/shm/ringfence-demo-'),
    listed: { host: LISTED, port },
  };
  return { place, listener };
}

const say = (text: string): void => void process.stderr.write(`${text}\n`);
