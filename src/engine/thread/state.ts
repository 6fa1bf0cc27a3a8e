import type { LoadResult, RuleSet } from '../../rules/index.ts';
import { type CapturePlan, planCapture } from '../../sensors/calls/capture-plan.ts';
import { EVENT_NAMES, EVENTS } from '../../sensors/events/events.ts';
import { AppError, type Diagnostic, EXIT } from '../core/diagnostic.ts';
import type { Event } from '../enrich/event.ts';
import {
  captureNeeds,
  idleSelectors,
  loadRuleFiles,
  policyProblems,
  readRuleFiles,
  withOwnPid,
} from '../ruleset.ts';
import type { EngineReport, EngineSpec } from './protocol.ts';

/** Of a rule that is not in force because it asks for what we do not know, and says that this is no error. */
const SKIPPED = 'LOAD_UNKNOWN_FILTER';

/** Rules with errors. */
class RulesError extends AppError {
  readonly diagnostics: readonly Diagnostic[];
  constructor(diagnostics: readonly Diagnostic[]) {
    const errors = diagnostics.filter((d) => d.severity === 'error').length;
    super('E_RULES', `the rules are not valid: ${errors} error${errors === 1 ? '' : 's'}`, {
      exitCode: EXIT.invalid,
    });
    this.diagnostics = diagnostics;
  }
}

/** The rules in force, what they need of the sensors, and what is told of them. */
export interface State {
  readonly rules: RuleSet<Event>;
  readonly plan: CapturePlan;
  readonly report: EngineReport;
}

/** Reads and compiles the rules. Throws an AppError that says what is wrong. */
export function buildState(spec: EngineSpec): State {
  const result = loadRuleFiles(spec.config, withOwnPid(readRuleFiles(spec.ruleFiles), process.pid));
  if (!result.rules) throw new RulesError(result.diagnostics);
  const { rules } = result;
  const impossible = policyProblems(rules.rules, modeOf(spec));
  if (impossible.length > 0) throw new RulesError(impossible);
  const needed = rules.neededEvents();
  if (needed !== 'all') rules.prepare(needed);
  return {
    rules,
    plan: planCapture(captureNeeds(rules.rules)),
    report: reportOf(spec, result, rules, needed),
  };
}

export const modeOf = ({ dryRun, config }: EngineSpec): 'monitor' | 'enforce' =>
  dryRun ? 'monitor' : config.mode;

function reportOf(
  spec: EngineSpec,
  result: LoadResult<Event>,
  rules: RuleSet<Event>,
  needed: ReadonlySet<number> | 'all',
): EngineReport {
  const codes = needed === 'all' ? EVENTS.keys() : needed;
  const skipped = result.diagnostics
    .filter((d) => d.code === SKIPPED)
    .map((d) => ({ rule: d.context?.find((step) => step.type === 'rule')?.name ?? '?', reason: d.message }));
  return {
    rules: rules.rules.length,
    skipped,
    events: [...codes].map((code) => EVENT_NAMES.names[code] ?? '?').sort(),
    tiers: {},
    warnings: [
      ...result.diagnostics.filter((d) => d.severity === 'warning' && d.code !== SKIPPED),
      ...(spec.configured ? idleSelectors(spec.config, rules.all) : []),
    ],
  };
}
