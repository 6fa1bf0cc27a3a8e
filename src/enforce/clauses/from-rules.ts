import type { CompiledRule, Constant, Operand, Plan } from '../../rules/index.ts';
import { CGROUP_SCOPE, type Check, type CheckValue, type Condition, type PolicyRule } from './condition.ts';

/** The rules as the clause compiler reads them. `globalMode` applies where a rule has none of its own. */
export function policyRules<E>(
  rules: readonly CompiledRule<E>[],
  eventNames: readonly string[],
  globalMode: 'monitor' | 'enforce',
): PolicyRule[] {
  return rules
    .filter((rule) => rule.source === 'syscall')
    .map((rule) => ({
      name: rule.name,
      condition: toCondition(rule.plan),
      events:
        rule.eventCodes === undefined
          ? undefined
          : new Set([...rule.eventCodes].map((code) => eventNames[code] ?? '')),
      enforce: rule.enforce,
      mode: rule.mode ?? globalMode,
      denial: scopedDenial(rule),
      failClosed: rule.fail === 'closed',
    }));
}

/** A scope narrows what is refused, not what is reported. */
function scopedDenial<E>(rule: CompiledRule<E>): Condition | undefined {
  const { scope } = rule;
  if (scope === undefined || scope.kind === 'all') return undefined;
  const check: Check =
    scope.kind === 'cgroup'
      ? { field: CGROUP_SCOPE, op: 'in', values: scope.paths.map(latin1), text: 'scope: cgroup' }
      : {
          field: 'container.id',
          op: scope.kind === 'host' ? '=' : '!=',
          values: ['host'],
          text: `scope: ${scope.kind}`,
        };
  return { kind: 'and', items: [toCondition(rule.plan), { kind: 'check', check }] };
}

function latin1(text: string): string {
  return Buffer.from(text, 'utf8').toString('latin1');
}

/** A checked condition in the compiler's form. */
export function toCondition<E>(plan: Plan<E>): Condition {
  switch (plan.kind) {
    case 'constant':
      return { kind: 'const', value: plan.value };
    case 'and':
    case 'or':
      return { kind: plan.kind, items: plan.children.map(toCondition) };
    case 'not':
      return { kind: 'not', item: toCondition(plan.child) };
    case 'exists':
      return check(plan.operand, 'exists', [], undefined);
    case 'compare':
      return check(plan.operand, plan.op, plan.constants, plan.modifier);
    case 'fields':
      return check(plan.left, plan.op, [], undefined, 'it compares two fields');
  }
}

function check<E>(
  operand: Operand<E>,
  op: string,
  constants: readonly Constant[],
  modifier: string | undefined,
  reason?: string,
): Condition {
  const texts = constants.map((c) => c.text);
  const right =
    constants.length === 0 ? '' : constants.length === 1 ? ` ${texts[0]}` : ` (${texts.join(', ')})`;
  const text = `${operand.key} ${op}${modifier === undefined ? '' : ` ${modifier}`}${right}`;
  const opaque = reason ?? opaqueReason(operand, modifier);
  const field = operand.kind === 'field' ? operand.ref : undefined;
  const made: Check = {
    field: field?.spec.name ?? '',
    arg: field?.arg,
    op,
    values: constants.map((c) => constantValue(c, operand)),
    opaque,
    text,
  };
  return { kind: 'check', check: made };
}

function opaqueReason<E>(operand: Operand<E>, modifier: string | undefined): string | undefined {
  if (operand.kind !== 'field') return 'the kernel does not evaluate transformers';
  if (modifier !== undefined) return `the kernel does not evaluate \`${modifier}\``;
  if (operand.list) return 'it is a list';
  const address = ['fd.ip', 'fd.net', 'fd.port'].includes(operand.ref.spec.name);
  return operand.any !== undefined && !address ? 'it ranges over several values' : undefined;
}

/** Addresses and networks stay text: the network compiler reads them with their family. */
function constantValue<E>(constant: Constant, operand: Operand<E>): CheckValue {
  const asText = operand.type === 'ip' || operand.type === 'net' || typeof constant.value === 'object';
  return asText ? constant.text : (constant.value as CheckValue);
}
