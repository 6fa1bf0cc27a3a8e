import { readFileSync } from 'node:fs';
import { compilePolicy, policyRules } from '../enforce/index.ts';
import { readsOf, refsOfPlan } from '../rules/check/refs.ts';
import { FIELDS } from '../rules/fields/index.ts';
import { outcomesOf } from '../rules/fields/outcomes.ts';
import {
  type AppendOutput,
  type CompiledRule,
  FieldTable,
  isMeant,
  type LoadOptions,
  type LoadResult,
  loadRules,
  type RuleFile,
  type RuleSelector,
} from '../rules/index.ts';
import type { CaptureNeed } from '../sensors/calls/capture-plan.ts';
import { EVENT_NAMES, EVENTS } from '../sensors/events/events.ts';
import type { Config } from './config/config.ts';
import { AppError, type Diagnostic, EXIT } from './core/diagnostic.ts';
import { parsePriority } from './core/priority.ts';
import type { Event } from './enrich/event.ts';

/** The language over this engine's fields and events. */
export const LANGUAGE = { fields: new FieldTable<Event>(FIELDS), events: EVENT_NAMES } as const;

/** Reads rules files; one that cannot be read is an error with its name. */
export function readRuleFiles(paths: readonly string[]): RuleFile[] {
  return paths.map((path) => {
    try {
      return { name: path, text: readFileSync(path, 'utf8') };
    } catch (error) {
      throw new AppError('LOAD_ERR_FILE_READ', `cannot read ${path}: ${(error as Error).message}`, {
        exitCode: EXIT.invalid,
        cause: error,
      });
    }
  });
}

const OWN_PIDS = 'ringfence_pids';

/** Tells rules about attacks on the engine which process it is, where a file has the list for it. */
export function withOwnPid(files: readonly RuleFile[], pid: number): RuleFile[] {
  if (!files.some(({ text }) => text.includes(`list: ${OWN_PIDS}`))) return [...files];
  const text = `- list: ${OWN_PIDS}\n  items: [${pid}]\n  override: {items: replace}\n`;
  return [...files, { name: 'the engine itself', text }];
}

type RuleConfig = Pick<Config, 'priority' | 'rules' | 'rule_matching' | 'append_output'>;

/** What the configuration says about the rules, for the loader. */
export function loadOptions(config: RuleConfig): LoadOptions<Event> {
  return {
    ...LANGUAGE,
    minPriority: parsePriority(config.priority) ?? 7,
    selectors: config.rules.flatMap(selectors),
    matching: config.rule_matching,
    appendOutput: config.append_output.map(appendOutput),
  };
}

/** Loads files as configured. */
export function loadRuleFiles(config: RuleConfig, files: readonly RuleFile[]): LoadResult<Event> {
  return loadRules(files, loadOptions(config));
}

/** A step that names a rule and a tag means both: the rules of that name, then those with that tag. */
function selectors(step: Config['rules'][number]): RuleSelector[] {
  return (['enable', 'disable'] as const).flatMap((action): RuleSelector[] => {
    const { rule, tag } = step[action] ?? {};
    return [
      ...(rule === undefined ? [] : [{ action, rule }]),
      ...(tag === undefined ? [] : [{ action, tag }]),
    ];
  });
}

/** Steps of the configuration's `rules` that no loaded rule is meant by: probably a slip. */
export function idleSelectors(
  config: RuleConfig,
  rules: readonly { readonly name: string; readonly tags: readonly string[] }[],
): Diagnostic[] {
  const known = rules.map(({ name, tags }) => ({ name, tags: new Set(tags) }));
  return config.rules
    .flatMap(selectors)
    .filter((selector) => !known.some((rule) => isMeant(rule, selector)))
    .map((selector) => ({
      severity: 'warning',
      code: 'E_RULE_UNKNOWN',
      message: `\`rules\` of the configuration: ${selector.action} ${'rule' in selector ? selector.rule : `tag ${selector.tag}`}: no loaded rule is meant by it`,
    }));
}

function appendOutput(entry: Config['append_output'][number]): AppendOutput {
  const { rule, source, tags } = entry.match ?? {};
  return {
    match: {
      ...(rule === undefined ? {} : { rule }),
      ...(source === undefined ? {} : { source }),
      ...(tags === undefined ? {} : { tags }),
    },
    ...(entry.extra_output === undefined ? {} : { extraOutput: entry.extra_output }),
    extraFields: (entry.extra_fields ?? []).flatMap(extraField),
    suggestedOutput: entry.suggested_output ?? false,
  };
}

function extraField(field: unknown): (string | { key: string; format: string })[] {
  if (typeof field === 'string') return [field];
  if (typeof field !== 'object' || field === null) return [];
  return Object.entries(field).map(([key, format]) => ({ key, format: String(format) }));
}

/** What each rule wants of the kernel. */
export function captureNeeds(rules: readonly CompiledRule<Event>[]): CaptureNeed[] {
  return rules.flatMap(({ eventCodes, output, plan }) => {
    const reads = new Set([...readsOf(refsOfPlan(plan)), ...output.reads]);
    if (eventCodes === undefined) return [{ events: EVENT_NAMES.names, reads }];
    return [...eventCodes].flatMap((code) => {
      const def = EVENTS[code];
      return def === undefined ? [] : [{ events: [def.name], reads, ...outcomesOf(plan, def) }];
    });
  });
}

/** Rules that shall refuse and that the kernel cannot decide, as diagnostics at the rule. */
export function policyProblems(
  rules: readonly CompiledRule<Event>[],
  mode: 'monitor' | 'enforce',
): Diagnostic[] {
  const denying = rules.filter((rule) => rule.enforce !== 'none');
  if (denying.length === 0) return [];
  const { errors } = compilePolicy(policyRules(denying, EVENT_NAMES.names, mode), 1);
  return errors.map(({ rule, message, help }) => ({
    severity: 'error',
    code: 'E_POLICY',
    message: `rule "${rule}": ${message}`,
    ...denying.find(({ name }) => name === rule)?.location,
    ...(help === undefined ? {} : { help }),
  }));
}

/** Renders what deny entries refused; never matches by itself. */
const ENTRY_RULE = `
- rule: Refused by deny list
  desc: The deny list names this destination.
  condition: evt.type in (connect, sendto, sendmsg) and evt.num = 0
  output: >
    Connection refused by the deny list | destination=%fd.sip port=%fd.sport protocol=%fd.l4proto process=%proc.name
    exe=%proc.exepath command=%proc.cmdline parent=%proc.pname user=%user.name user_uid=%user.uid
    user_loginuid=%user.loginuid
  priority: WARNING
  tags: [network, deny_list]
`;

/** Renders what the engine refused to protect itself; never matches by itself. */
const GUARD_RULE = `
- rule: Attempt on Ringfence refused
  desc: Somebody tried to stop, trace or change the engine, and was refused.
  condition: evt.type in (kill, ptrace, openat, bpf) and evt.num = 0
  output: >
    Attempt on Ringfence refused | event=%evt.type process=%proc.name exe=%proc.exepath command=%proc.cmdline
    parent=%proc.pname user=%user.name user_uid=%user.uid user_loginuid=%user.loginuid
  priority: CRITICAL
  tags: [host, self_protection, mitre_defense_evasion, T1562.001]
`;

/** The rule behind alerts of deny entries. */
export const entryRule = (): CompiledRule<Event> => ownRule('deny-list', ENTRY_RULE);

/** The rule behind alerts of the engine's protection of itself. */
export const guardRule = (): CompiledRule<Event> => ownRule('self-protection', GUARD_RULE);

function ownRule(name: string, text: string): CompiledRule<Event> {
  const { rules, diagnostics } = loadRules([{ name, text }], LANGUAGE);
  const rule = rules?.rules[0];
  if (rule === undefined) throw new Error(`the rule of ${name}: ${diagnostics[0]?.message}`);
  return rule;
}
