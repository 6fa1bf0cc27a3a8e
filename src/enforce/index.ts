/**
 * Rules in the kernel: what other parts of the engine use.
 *
 *   const tiers = planTiers();              // load tiers.hooks and CLASSIFIER_PROGRAMS with the sensors
 *   const enforcer = new Enforcer({ object: sensor.object, control: sensor.control, tiers, stateDir, mode });
 *   enforcer.apply(rules, mode);            // compiles, fills, switches at once
 *   enforcer.attach();                      // before the sensors start
 *   enforcer.seed();                        // after they did
 *   enforcer.attribution.decider(rec);      // who refused what a record tells of
 *   DENY_QUESTIONS['deny.add'](enforcer.deny, { target: '203.0.113.0/24' });
 */

export type { DecidedRecord, Decider } from './attribution.ts';
export type { CheckNote } from './clauses/formula.ts';
export { policyRules } from './clauses/from-rules.ts';
export type { DenyRequest } from './deny/deny-entry.ts';
export { DenyList, type DenyView, type ImportReport } from './deny/deny-list.ts';
export {
  type ApplyReport,
  Enforcer,
  type PolicyStatus,
} from './enforcer.ts';
export {
  Guard,
  type GuardedPaths,
  type GuardStatus,
  guardedWhat,
  guardPrograms,
  OPENED_MAP,
} from './kernel/guard.ts';
export type { JournalReport } from './kernel/journal.ts';
export { PIN_DIR, unpinAll } from './kernel/pins.ts';
export { CLASSIFIER_PROGRAMS, configureTiers, planTiers, refusals, type TierPlan } from './kernel/tiers.ts';
export { DENY_QUESTIONS, GUARD_QUESTIONS, POLICY_QUESTIONS } from './questions.ts';
export { compilePolicy, type PolicyError, type RulePlan } from './tables/compile.ts';
