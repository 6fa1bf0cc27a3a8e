import { dirname, join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { MODES } from '../core/mode.ts';
import type { ToEngine } from '../thread/protocol.ts';
import { startEngineWorker } from '../thread/start-worker.ts';
import { watchPaths } from '../watch.ts';
import { choice } from './choice.ts';
import { act, type CommandSpec } from './command.ts';
import { collect, waitingTime } from './options.ts';
import { note, noteDiagnostics } from './output.ts';
import { outputSchemas } from './outputs.ts';
import { leaveSoon } from './stopped.ts';

interface Options {
  readonly config?: string;
  readonly rules?: readonly string[];
  readonly output?: 'json' | 'text';
  readonly mode?: 'monitor' | 'enforce';
  readonly duration?: string;
  readonly dryRun?: boolean;
  readonly demo?: boolean;
  readonly set: readonly string[];
}

export const command: CommandSpec = {
  examples: [
    ['ringfence run', 'watch this machine with the built-in rules until Ctrl-C'],
    ['ringfence run --demo', 'do a handful of suspicious things in a sandbox and show the alerts'],
    ['ringfence run -r my_rules.yaml -o json', 'your rules, alerts as JSON lines'],
    ['ringfence run --duration 30s --set priority=warning', 'half a minute, nothing below Warning'],
  ],
  configure(command) {
    command
      .option('-c, --config <file>', 'configuration file')
      .option('-r, --rules <path...>', 'rules files or folders, instead of the configured ones')
      .addOption(choice('-o, --output <form>', 'form of the alerts on stdout', ['text', 'json']))
      .addOption(choice('--mode <mode>', 'what becomes of rules that refuse', MODES))
      .option('--duration <time>', 'stop after this time (30s, 5m ...)')
      .option('--dry-run', 'load, attach and evaluate, but refuse nothing')
      .option('--demo', 'perform suspicious acts in a sandbox, show their alerts, and end')
      .option('--set <key=value>', 'set a configuration value; may be repeated', collect, [])
      .action(act(run));
  },
};

/** One object: checkers are kept by schema. */
const ANY_OUTPUT = {};

/**
 * What suits a process that runs for weeks: four times V8's patience before it optimises a function, since what runs
 * seldom is never worth the compiler's time; and when little happens, one collection of the whole heap to make it small
 * instead of up to three. By major version of V8: it complains on stderr about a flag that it does not know.
 */
const V8_FLAGS: Readonly<Record<string, readonly string[]>> = {
  11: ['--interrupt-budget=270336', '--memory-reducer-single-gc'],
  12: ['--memory-reducer-gc-count=1'],
  13: ['--memory-reducer-gc-count=1'],
};

/** The rest of what bin/ringfence begins, which has what must be known before the first line of code. */
function tune(): void {
  for (const flag of V8_FLAGS[Number.parseInt(process.versions.v8, 10)] ?? []) setFlagsFromString(flag);
  // The C library has read it; programs that outputs start have needs of their own.
  delete process.env.MALLOC_ARENA_MAX;
}

async function run(options: Options): Promise<number> {
  const limit = waitingTime('--duration', options.duration);
  const since = Date.now();
  if (!options.demo) heedSignals();
  // Most of what runs at a start runs once: optimised, it would be ready too late, and had cost a core and 10 MB.
  if (!options.demo) setFlagsFromString('--no-opt');
  tune();
  // Ahead of everything that takes time: the thread loads beside it.
  const worker = options.demo ? undefined : startEngineWorker();
  const { load } = await import('../config/config.ts');
  const { validConfig } = await import('./config-for.ts');
  const { DEFAULT_FILE } = await import('../config/load.ts');
  const { engineSpec } = await import('../spec.ts');
  const flags: (readonly [string, string, unknown])[] = [];
  if (options.mode !== undefined) flags.push(['--mode', 'mode', options.mode]);
  if (options.output === 'json') flags.push(['-o', 'outputs.console.format', 'falco_json']);
  if (options.output === 'text') flags.push(['-o', 'outputs.console.format', 'human']);
  const configFile = options.config ?? process.env.RINGFENCE_CONFIG ?? DEFAULT_FILE;
  const layers = { file: options.config, set: options.set, flags };
  const engine = { rules: options.rules ?? [], dryRun: options.dryRun ?? false, configFile };
  // The thread loads rules and sensors while this one loads outputs; only then can it tell whether theirs is right.
  const early = worker && load(() => ANY_OUTPUT, layers).config;
  if (early) worker.postMessage({ type: 'prepare', spec: engineSpec(early, engine) } satisfies ToEngine);
  const schemas = await outputSchemas();
  const readConfig = () => validConfig(load(schemas, layers));
  if (options.demo) {
    const { runDemo } = await import('../demo/demo.ts');
    return runDemo({ readConfig }).catch(explain);
  }
  const begun = worker && { config: readConfig(), worker };
  return runUntilEnd({ readConfig, ...engine, ...(begun && { begun }) }, limit, since);
}

type Asked = 'SIGHUP' | 'SIGUSR1';

/** Came before there was an engine that could do it. */
const early = new Set<Asked>();
let onSignal: Readonly<Record<Asked, () => void>> | undefined;

/** From the first moment on: by default SIGHUP ends a process, and whoever rotates logs does not ask whether we are ready. */
function heedSignals(): void {
  for (const name of ['SIGHUP', 'SIGUSR1'] as const)
    process.on(name, () => {
      if (onSignal) onSignal[name]();
      else early.add(name);
    });
}

async function runUntilEnd(
  options: Parameters<typeof import('../main.ts').Engine.start>[0],
  limit: number | undefined,
  since: number,
): Promise<number> {
  const { Engine } = await import('../main.ts');
  let end: (reason: string) => void = () => {};
  const ended = new Promise<string>((resolve) => {
    end = resolve;
  });
  let interrupts = 0;
  process.on('SIGTERM', () => end('SIGTERM'));
  process.on('SIGINT', () => {
    if (++interrupts > 1) process.exit(EXIT.interrupted);
    end('SIGINT');
  });
  const engine = await Engine.start(options).catch(explain);
  setFlagsFromString('--opt');
  // What goes wrong is logged and raised as an alert by the engine itself.
  const reload = (): void => void engine.reload().catch(() => {});
  onSignal = { SIGHUP: reload, SIGUSR1: () => void engine.reopen() };
  for (const name of early) onSignal[name]();
  const { watch_files, rules_files } = engine.config;
  const configFolder = dirname(options.configFile ?? '');
  const watched = [
    configFolder,
    join(configFolder, 'config.d'),
    ...(options.rules.length > 0 ? options.rules : rules_files),
  ];
  const unwatched = (folder: string, err: unknown): void =>
    engine.log.error({ code: 'E_WATCH', folder, err }, 'changes here are not noticed; SIGHUP loads them');
  const unwatch = watch_files ? watchPaths(watched, reload, unwatched, { since }) : () => {};
  const timer = limit === undefined ? undefined : setTimeout(() => end('duration'), limit);
  if (process.stderr.isTTY && limit === undefined) note('Watching. Ctrl-C ends.');
  try {
    const reason = await Promise.race([ended, engine.failure]);
    await engine.stop(reason);
    return reason === 'SIGINT' ? EXIT.interrupted : EXIT.ok;
  } catch (error) {
    engine.log.error({ code: 'E_ENGINE_DIED', err: error }, 'the engine thread died');
    await engine.stop('failure');
    return EXIT.failure;
  } finally {
    clearTimeout(timer);
    unwatch();
    leaveSoon();
  }
}

/** Problems in rules are shown one by one before the error itself. */
export function explain(error: unknown): never {
  if (error instanceof AppError && 'diagnostics' in error) noteDiagnostics(error.diagnostics as never);
  throw error;
}
