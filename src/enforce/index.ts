/**
 * Rules in the kernel: what other parts of the engine use.
 *
 *   const enforcer = new Enforcer(sensor.object, sensor.control);
 *   enforcer.apply(rules, 'monitor');   // compiles, fills, switches at once
 *   enforcer.attach();                  // before the sensors start
 */
export type { PolicyError, RulePlan } from './compile.ts';
export { type ApplyReport, CLASSIFIER_PROGRAMS, Enforcer } from './enforcer.ts';
export type { CheckNote } from './formula.ts';
export { policyRules } from './from-rules.ts';
