/**
 * The rule language: what other parts of the engine use of it.
 *
 *   const fields = new FieldTable<Event>(specs);
 *   const result = loadRules([{ name: path, text }], { fields, events });
 *   const count = result.rules?.evaluate(event, eventCode, out);   // out[0..count-1] are the rules that match
 *   out[0].render(event)                                           // { message, fields } of the alert
 */

export { EventTypes } from './check/event-types.ts';
export type { Constant, Operand, Plan, PlanOp } from './check/plan.ts';
export {
  type ConditionOptions,
  type ConditionResult,
  checkSyntax,
  checkSyntaxLine,
  compileCondition,
  compileOutputFormat,
  type SyntaxAnswer,
} from './condition.ts';
export { describeRule, describeRules, type RuleDescription, type RulesDescription } from './describe.ts';
export { CODE_HELP, type CodeHelp, type Explanation, explain, fieldHelp } from './explain.ts';
export type { EventNames, FieldRef, FieldSpec, FieldType, Scalar, Value } from './field-spec.ts';
export { FieldTable } from './field-table.ts';
export { type FormatResult, formatRulesFile } from './fmt.ts';
export type { Expr } from './lang/ast.ts';
export { fromBytes, toBytes } from './lang/bytes.ts';
export { OPERATORS, type OperatorInfo } from './lang/operators.ts';
export { type ParseResult, parseCondition } from './lang/parser.ts';
export { printExpr } from './lang/print.ts';
export type { Enforce, FailMode, Mode, Response, Scope } from './load/items.ts';
export { type LoadOptions, type LoadResult, loadRules, type RuleFile, type RuleModel } from './load/load.ts';
export type { AppendOutput } from './load/outputs.ts';
export { ERROR_CODES, type RuleDiagnostic, WARNING_CODES } from './load/report.ts';
export type { RuleSelector } from './load/select.ts';
export { isMeant } from './load/select.ts';
export { ENGINE_VERSION, formatVersion } from './load/version.ts';
export type { OutputFormat, Rendered } from './output/format.ts';
export { type CompiledRule, type Matching, RuleSet } from './rule-set.ts';
export { type FileResult, type ValidationResult, validationResult, validationText } from './validate.ts';
