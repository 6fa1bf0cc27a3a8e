import { existsSync } from 'node:fs';
import { hostname as osHostname, release } from 'node:os';
import type { Worker } from 'node:worker_threads';
import { settledWithin } from '../outputs/async.ts';
import { Audit } from '../outputs/audit/audit.ts';
import type { AlertContext, Entry } from '../outputs/audit/entry.ts';
import type { AuditState } from '../outputs/audit/store.ts';
import { type InternalNotice, internalAlert } from '../outputs/internal-alert.ts';
import { OutputManager } from '../outputs/manager.ts';
import type { FleetConfig } from '../outputs/nats/options.ts';
import type { StatusServer } from '../outputs/serve/server.ts';
import {
  canaryRow,
  configRow,
  lossRow,
  modeRow,
  policyRow,
  refusedPolicyRow,
  startRow,
  stopRow,
} from './audit-rows.ts';
import type { Config } from './config/config.ts';
import { configChange } from './config-change.ts';
import { controlCommands } from './control/commands.ts';
import { ControlServer } from './control/server.ts';
import type { Alert } from './core/alert.ts';
import { BOOT_ID } from './core/clock.ts';
import { AppError, EXIT } from './core/diagnostic.ts';
import { createLog, type Log } from './core/log.ts';
import { MetricsRegistry } from './core/metrics-registry.ts';
import { VERSION } from './core/package.ts';
import { parseDuration } from './core/units.ts';
import { FleetControl } from './fleet.ts';
import { oneAtATime } from './latest.ts';
import type { CanaryChange, CanaryState } from './pipeline/canary.ts';
import { RollUp } from './pipeline/rollup.ts';
import { serveSources } from './serve-sources.ts';
import { startServiceNotice } from './service.ts';
import { engineSpec, type SpecOptions } from './spec.ts';
import { lockState } from './state-lock.ts';
import { EngineThread } from './thread/engine-thread.ts';
import type { EngineReport } from './thread/protocol.ts';

export interface EngineOptions extends SpecOptions {
  /** Reads the configuration (again); throws an AppError if it is not valid. */
  readonly readConfig: () => Config;
  readonly log?: Log;
  /** Sees every alert before the outputs (the demo). */
  readonly onAlert?: (alert: Alert) => void;
  /** What is there already: the configuration, and the engine thread that prepares itself for it. */
  readonly begun?: { readonly config: Config; readonly worker: Worker };
}

const DRAIN_MS = 5000;
const REOPEN_MS = 2000;
const ROLLUP_MS = 500;

/** What the engine did in its life. */
export interface Totals {
  alerts: number;
  readonly since: number;
}

/** A running engine: outputs, control socket and metrics around the engine thread. */
export class Engine {
  readonly metrics: MetricsRegistry;
  readonly log: Log;
  readonly totals: Totals = { alerts: 0, since: Date.now() };
  readonly #options: EngineOptions;
  readonly #outputs: OutputManager;
  readonly #audit: Audit | undefined;
  readonly #hostname = osHostname();
  #config: Config;
  /** As of the start: what only a start reads. */
  readonly #initial: Config;
  #thread: EngineThread | undefined;
  #control: ControlServer | undefined;
  #http: StatusServer | undefined;
  #fleet: FleetControl | undefined;
  #report: EngineReport | undefined;
  #seeing = true;
  readonly #rollup: RollUp;
  #rollupTimer: NodeJS.Timeout | undefined;
  #endNotice: () => void = () => {};
  #unlock: () => void = () => {};
  #died: (error: Error) => void = () => {};
  /** Rejects when the engine thread dies by itself. */
  readonly failure: Promise<never>;

  private constructor(
    options: EngineOptions,
    config: Config,
    outputs: OutputManager,
    audit: Audit | undefined,
    log: Log,
    metrics: MetricsRegistry,
  ) {
    this.#options = options;
    this.#config = config;
    this.#initial = config;
    const { after, window } = config.rollup;
    this.#rollup = new RollUp({ after, windowMs: parseDuration(window) ?? 10_000 });
    this.#outputs = outputs;
    this.#audit = audit;
    this.log = log;
    this.metrics = metrics;
    this.failure = new Promise<never>((_, reject) => {
      this.#died = reject;
    });
    this.failure.catch(() => {});
  }

  /** Starts everything; resolves when events flow. On any error nothing is left running. */
  static async start(options: EngineOptions): Promise<Engine> {
    if (!existsSync(BOOT_ID))
      throw new AppError('E_NO_PROC', '/proc is not mounted, or not whole', {
        exitCode: EXIT.notPermitted,
        help: 'mount -t proc proc /proc',
      });
    const config = options.begun?.config ?? options.readConfig();
    const unlock = lockState(config.state_dir);
    try {
      return await Engine.#start(options, config, unlock);
    } catch (error) {
      unlock();
      throw error;
    }
  }

  static async #start(options: EngineOptions, config: Config, unlock: () => void): Promise<Engine> {
    const { level, format } = config.log;
    const metrics = new MetricsRegistry({ processMetrics: true });
    const onCode = (code: string): void => metrics.add('errors', [code]);
    const log = options.log ?? createLog({ level, format: format === 'auto' ? undefined : format, onCode });
    metrics.set('buildInfo', [VERSION, process.versions.node, release()], 1);
    const deps = {
      hostname: osHostname(),
      version: VERSION,
      stateDir: config.state_dir,
      log,
      metrics,
    };
    let outputs: OutputManager | undefined;
    const audit = await Audit.open(config.outputs.audit, {
      ...deps,
      onAnchor: (alert) => outputs?.emit(alert),
    });
    outputs = await OutputManager.open(config.outputs, deps).catch(async (error: unknown) => {
      await audit?.close();
      throw error;
    });
    const engine = new Engine(options, config, outputs, audit, log, metrics);
    try {
      await engine.#begin();
    } catch (error) {
      await engine.#end('failed to start');
      throw error;
    }
    engine.#unlock = unlock;
    return engine;
  }

  get report(): EngineReport | undefined {
    return this.#report;
  }

  get config(): Config {
    return this.#config;
  }

  /** Whether the sensors are known to see; true while the canary does not say otherwise. */
  get seeing(): boolean {
    return this.#seeing;
  }

  /** Whether rows get to the disk; undefined if no audit is kept. */
  get auditState(): AuditState | undefined {
    return this.#audit?.stats().state;
  }

  /** State of the whole, for `ringfence status`. */
  async status(): Promise<object> {
    return {
      version: VERSION,
      pid: process.pid,
      hostname: this.#hostname,
      uptimeSeconds: Math.round((Date.now() - this.totals.since) / 1000),
      mode: this.#config.mode,
      alerts: this.totals.alerts,
      rules: this.#report?.rules ?? 0,
      skipped: this.#report?.skipped ?? [],
      events: this.#report?.events ?? [],
      tiers: this.#report?.tiers ?? {},
      outputs: this.#outputs.stats(),
      audit: this.#audit?.stats(),
      engine: await this.#thread?.ask('status'),
    };
  }

  /** Asks the engine thread. */
  ask(question: string, args: Readonly<Record<string, unknown>> = {}): Promise<unknown> {
    if (!this.#thread) throw new AppError('E_STOPPING', 'the engine is not running');
    return this.#thread.ask(question, args);
  }

  /**
   * Reads configuration and rules again and puts them in force; if anything is wrong with them the old state stays.
   * Outputs are opened anew either way (log rotation). What is on the disk when this is called counts, also while another
   * reload is under way.
   */
  readonly reload: () => Promise<EngineReport> = oneAtATime(() => this.#reload());

  /** Opens outputs anew (log rotation), and reads nothing else. */
  reopen(): Promise<void> {
    return this.#outputs.reopen();
  }

  /** Stops in order: no new events, what is under way is finished, outputs are drained. */
  async stop(reason: string): Promise<void> {
    this.log.info({ reason, alerts: this.totals.alerts }, 'stopping');
    await this.#end(reason);
    this.log.info({ alerts: this.totals.alerts }, 'stopped');
  }

  /** Hands alerts to the outputs, after they are in the audit: what an output has acknowledged is on record. */
  emit(alerts: readonly Alert[]): void {
    this.totals.alerts += alerts.length;
    if (this.#options.onAlert) for (const alert of alerts) this.#options.onAlert(alert);
    const passing = this.#rollup.take(alerts, performance.now());
    if (this.#audit) void this.record(...alerts.flatMap((alert) => lossRow(alert) ?? []));
    if (this.#audit)
      void this.#audit.alerts(alerts, contextOf(alerts)).then(() => this.#outputs.emit(passing));
    else this.#outputs.emit(passing);
  }

  /** Raises an alert about the engine itself. */
  notice(notice: InternalNotice): void {
    this.emit([internalAlert(notice, this.#hostname)]);
  }

  /** Puts rows on record; resolves when they are on the disk (or nobody should wait for it). */
  async record(...rows: Entry[]): Promise<void> {
    await this.#audit?.record(...rows);
  }

  async #begin(): Promise<void> {
    const { config, log, metrics } = this;
    await this.record(startRow(config));
    if (config.control.enabled) {
      this.#control = await ControlServer.listen(config.control.socket, controlCommands(this), log);
    }
    const { engine, report } = await EngineThread.start(
      engineSpec(config, this.#options),
      {
        alerts: (alerts) => this.emit(alerts),
        canary: (change, state) => this.#canary(change, state),
        log,
        metrics,
        died: (error) => this.#died(error),
      },
      this.#options.begun?.worker,
    );
    this.#thread = engine;
    this.#rollupTimer = setInterval(() => this.#outputs.emit(this.#rollup.due(performance.now())), ROLLUP_MS);
    this.#inForce(report);
    if (config.fleet.enabled) this.#fleet = await this.#followFleet(config.fleet);
    if (config.http.enabled) {
      const { StatusServer } = await import('../outputs/serve/server.ts');
      this.#http = await StatusServer.open(config.http, serveSources(this), log);
    }
    this.#endNotice = startServiceNotice(() => engine.ask('ping'));
    const { rules, events, tiers } = report;
    log.info({ rules, events: events.length, mode: config.mode, tiers }, 'ready');
  }

  async #reload(): Promise<EngineReport> {
    const { log, metrics } = this;
    // An output that hangs keeps nobody from new rules.
    await settledWithin(this.#outputs.reopen(), REOPEN_MS);
    try {
      const config = this.#options.readConfig();
      const report = await this.#thread?.reload(engineSpec(config, this.#options));
      if (!report) throw new AppError('E_STOPPING', 'the engine is not running');
      const now = configChange(this.#config, config);
      // Also what was changed earlier and waits still.
      const { atRestart } = configChange(this.#initial, config);
      const change = { applied: now.applied, atRestart };
      if (atRestart.length > 0)
        log.warn(
          { code: 'W_RESTART_NEEDED', options: atRestart },
          'changed options take effect at the next start',
        );
      if (now.applied.length + now.atRestart.length > 0) void this.record(configRow(change));
      const mode = modeRow(this.#config, config);
      if (mode) void this.record(mode);
      this.#config = config;
      this.#inForce(report);
      log.info({ rules: report.rules, ...report.diff }, 'reloaded');
      return { ...report, config: change };
    } catch (error) {
      metrics.set('reloadOk', [], 0);
      void this.record(refusedPolicyRow(error));
      const code = error instanceof AppError ? error.code : 'E_INTERNAL';
      log.error({ code, err: error }, 'reload failed, the old state stays in force');
      const message = `Reload failed, the old rules stay in force: ${(error as Error).message}`;
      this.notice({ rule: 'Ringfence internal: reload failed', priority: 4, message, fields: { code } });
      throw error;
    }
  }

  #canary(change: CanaryChange, state: CanaryState): void {
    this.#seeing = state.ok;
    void this.record(canaryRow(change, state));
    const { call = '' } = state;
    const message =
      change === 'missing'
        ? `The sensors do not see: ${call} of the engine itself did not come back as an event`
        : `The sensors see again: ${call} of the engine itself came back`;
    this.log[state.ok ? 'info' : 'error']({ code: 'E_CANARY', call }, message);
    const rule = `Ringfence internal: canary ${change}`;
    this.notice({ rule, priority: state.ok ? 5 : 2, message, fields: { call } });
  }

  #inForce(report: EngineReport): void {
    this.#report = report;
    void this.record(policyRow(report));
    this.metrics.set('reloadOk', [], 1);
    this.metrics.set('reloadTime', [], Date.now() / 1000);
    this.metrics.set('rulesLoaded', [], report.rules);
    this.metrics.set('rulesSkipped', [], report.skipped.length);
    for (const { rule, reason } of report.skipped) this.log.warn({ rule, reason }, 'rule is not in force');
    for (const { code, file, line, message } of report.warnings) this.log.warn({ code, file, line }, message);
  }

  #followFleet(config: FleetConfig): Promise<FleetControl> {
    return FleetControl.start(config, {
      hostname: this.#hostname,
      log: this.log,
      ask: (question, args) => this.ask(question, args),
      record: (row) => this.record(row),
    });
  }

  async #end(reason: string): Promise<void> {
    this.#endNotice();
    await this.#http?.close();
    await this.#fleet?.close();
    await this.#control?.close();
    await this.#thread?.stop();
    this.#thread = undefined;
    void this.record(stopRow(reason));
    const unwritten = (await this.#audit?.close(DRAIN_MS)) ?? 0;
    if (unwritten > 0)
      this.log.error({ code: 'E_AUDIT_UNWRITTEN', rows: unwritten }, 'rows are missing in the audit');
    clearInterval(this.#rollupTimer);
    this.#outputs.emit(this.#rollup.finish());
    await this.#outputs.close(DRAIN_MS);
    this.#unlock();
  }
}

/** What the audit keeps beside an alert: why it was raised. */
function contextOf(alerts: readonly Alert[]): (i: number) => AlertContext {
  return (i) => {
    const reason = alerts[i]?.reason;
    return reason === undefined ? {} : { decision: { reason: reason as never } };
  };
}
