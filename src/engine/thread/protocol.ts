import type { Config } from '../config/config.ts';
import type { ConfigChange } from '../config-change.ts';
import type { Alert } from '../core/alert.ts';
import type { Diagnostic } from '../core/diagnostic.ts';
import type { MetricDelta } from '../core/metrics.ts';
import type { CanaryChange, CanaryState } from '../pipeline/canary.ts';

/** What the engine thread works with; plain data. */
export interface EngineSpec {
  readonly config: Config;
  readonly ruleFiles: readonly string[];
  /** They are those of the configuration, not others that were given instead. */
  readonly configured: boolean;
  readonly hostname: string;
  /** Load, attach and evaluate, but refuse nothing. */
  readonly dryRun: boolean;
  /** What the configuration was read from; absent = there is no file. */
  readonly configFile?: string | undefined;
}

/** What the engine thread says about the state it put in force. */
export interface EngineReport {
  readonly rules: number;
  /** Names of rules that were given and are not in force, with the reason. */
  readonly skipped: readonly { readonly rule: string; readonly reason: string }[];
  /** evt.type names that reach the rules. */
  readonly events: readonly string[];
  /** Tier by hook. */
  readonly tiers: Readonly<Record<string, string>>;
  readonly warnings: readonly Diagnostic[];
  /** What else of the configuration changed, after a reload. */
  readonly config?: ConfigChange;
  /** By how this differs from what was in force before; absent for the first. */
  readonly diff?: {
    readonly added: readonly string[];
    readonly removed: readonly string[];
    readonly changed: readonly string[];
  };
}

/** An error on its way between threads. */
export interface Trouble {
  readonly code: string;
  readonly message: string;
  readonly exitCode: number;
  readonly help?: string;
  readonly diagnostics?: readonly Diagnostic[];
}

export type ToEngine =
  /**
   * Everything that takes long, so that the main thread can go on meanwhile; `start` tells how it went. The outputs of
   * this spec have not been looked at yet.
   */
  | { readonly type: 'prepare'; readonly spec: EngineSpec }
  /** `taken`: where the main thread counts the alerts that it took. */
  | { readonly type: 'start'; readonly spec: EngineSpec; readonly taken: Int32Array }
  | { readonly type: 'reload'; readonly id: number; readonly spec: EngineSpec }
  | {
      readonly type: 'ask';
      readonly id: number;
      readonly question: string;
      readonly args: Readonly<Record<string, unknown>>;
    }
  | { readonly type: 'stop' };

export type FromEngine =
  | { readonly type: 'ready'; readonly report: EngineReport }
  | { readonly type: 'failed'; readonly trouble: Trouble }
  | { readonly type: 'alerts'; readonly alerts: readonly Alert[] }
  | { readonly type: 'canary'; readonly change: CanaryChange; readonly state: CanaryState }
  | { readonly type: 'metrics'; readonly delta: MetricDelta }
  | {
      readonly type: 'log';
      readonly level: 'debug' | 'info' | 'warn' | 'error';
      readonly fields: object;
      readonly msg: string;
    }
  | { readonly type: 'answer'; readonly id: number; readonly result: unknown }
  | { readonly type: 'refused'; readonly id: number; readonly trouble: Trouble }
  | { readonly type: 'stopped' };
