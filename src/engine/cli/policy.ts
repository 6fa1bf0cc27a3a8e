import {
  compilePolicy,
  type GuardStatus,
  PIN_DIR,
  type PolicyStatus,
  policyRules,
  type RulePlan,
  unpinAll,
} from '../../enforce/index.ts';
import { EVENT_NAMES } from '../../sensors/events/events.ts';
import { AppError, EXIT } from '../core/diagnostic.ts';
import { LANGUAGE } from '../ruleset.ts';
import { act, type CommandSpec } from './command.ts';
import { configFor } from './config-for.ts';
import { askEngine, type ControlOptions, withControl } from './control.ts';
import { duration } from './options.ts';
import { note, print, printJson } from './output.ts';
import { type RuleOptions, rulesFor, unknownRule } from './rules-for.ts';

export const command: CommandSpec = {
  examples: [
    ['ringfence policy status', 'what refuses what, and which rules only watch'],
    ['ringfence policy monitor', 'break the glass: nothing is refused until `policy enforce`'],
    ['ringfence policy enforce', 'take that back; rules over their budget act again'],
    ['ringfence policy explain "Clear Log Activities"', 'what of a rule the kernel decides, and what not'],
    ['ringfence policy unlock --for 10m', 'let files of Ringfence be changed; then it guards itself again'],
    ['ringfence policy unload', 'take pinned enforcement out of the kernel'],
  ],
  configure(command) {
    const questions = [
      ['status', 'say what is in force'],
      ['monitor', 'refuse nothing until told otherwise'],
      ['enforce', 'refuse again'],
    ] as const;
    for (const [name, summary] of questions) {
      withControl(command.command(name).description(summary)).action(
        act(async (options: ControlOptions) => {
          const status = (await askEngine(options, `policy.${name}`)) as PolicyStatus;
          const guard = (await askEngine(options, 'guard.status')) as GuardStatus;
          if (options.json) printJson({ schema: 'ringfence.policy.v1', ...status, guard });
          else show(status, guard);
          return 0;
        }),
      );
    }
    command
      .command('explain [rule]')
      .description('say what of each rule is decided in the kernel, and why the rest is not')
      .option('-c, --config <file>', 'configuration file')
      .option('-r, --rules <path...>', 'rules files instead of those configured')
      .option('--json', 'one JSON object')
      .action(
        act(async (rule: string | undefined, options: RuleOptions & { readonly json?: boolean }) => {
          const plans = await plansOf(rule, options);
          if (options.json) printJson({ schema: 'ringfence.policy-explain.v1', plans });
          else for (const plan of plans) showPlan(plan);
          return 0;
        }),
      );
    withControl(command.command('unlock').description('let the engine, its files and BPF objects be changed'))
      .option('--for <time>', 'for how long', '10m')
      .action(act((options: ControlOptions & { readonly for: string }) => unlock(options)));
    withControl(command.command('lock').description('guard the engine again')).action(
      act((options: ControlOptions) => changeGuard(options, 'guard.lock')),
    );
    withControl(
      command
        .command('unload')
        .description('take pinned enforcement out of the kernel; an engine that runs keeps refusing'),
    ).action(
      act(async (options: ControlOptions) => {
        const names = await unload(options);
        if (names.length === 0) note(`nothing is pinned in ${PIN_DIR}`);
        for (const name of names) print(`unpinned ${name}`);
        return 0;
      }),
    );
  },
};

async function unlock(options: ControlOptions & { readonly for: string }): Promise<number> {
  return changeGuard(options, 'guard.unlock', { ms: duration('--for', options.for) });
}

async function changeGuard(options: ControlOptions, question: string, args = {}): Promise<number> {
  const status = (await askEngine(options, question, args)) as GuardStatus;
  if (options.json) printJson({ schema: 'ringfence.guard.v1', ...status });
  else print(`self-protection ${status.state}`);
  return EXIT.ok;
}

/** By the engine where one runs: it lets nobody else touch its pins. */
async function unload(options: ControlOptions): Promise<readonly string[]> {
  try {
    return (await askEngine(options, 'policy.unload')) as readonly string[];
  } catch (error) {
    if (error instanceof AppError && error.code === 'E_NOT_RUNNING') return unpinAll();
    throw error;
  }
}

function show(status: PolicyStatus, guard: GuardStatus): void {
  print(`generation    ${status.generation}`);
  print(`refusing      ${status.watchOnly ? 'nothing (break-glass)' : 'as the rules say'}`);
  for (const [what, tier] of Object.entries(status.tiers)) print(`${what.padEnd(14)}${tier}`);
  print(`pinned        ${status.pinned ? 'yes' : 'no'}`);
  const last = guard.last === null ? '' : `, the last: ${guard.last}`;
  print(`guards itself ${guard.state}, ${guard.refused} attempts refused${last}`);
  print(`deny entries  ${status.denyEntries}`);
  print(`over budget   ${status.overBudget.join(', ') || 'none'}`);
  const clauses = Object.entries(status.clauses).map(([operation, count]) => `${operation}=${count}`);
  print(`clauses       ${clauses.join(' ') || 'none'}`);
}

async function plansOf(name: string | undefined, options: RuleOptions): Promise<RulePlan[]> {
  const { mode } = await configFor(options.config);
  const { rules } = await rulesFor(options, LANGUAGE.fields);
  const chosen = name === undefined ? rules : rules.filter((rule) => rule.name === name);
  if (chosen.length === 0) {
    throw unknownRule(
      name ?? '',
      rules.map((rule) => rule.name),
    );
  }
  const { plans, errors } = compilePolicy(policyRules(chosen, EVENT_NAMES.names, mode), 1);
  for (const error of errors) note(`${error.rule}: ${error.message}${error.help ? `\n  ${error.help}` : ''}`);
  return [...plans];
}

const WHERE = { kernel: 'kernel         ', bounded: 'kernel, in part', user: 'user space     ' } as const;

function showPlan(plan: RulePlan): void {
  const whole = plan.exact ? 'decided in the kernel' : 'the kernel passes what may match';
  print(`${plan.rule} (${plan.purpose} ${plan.operation}): ${whole}`);
  if (plan.refuses !== undefined) print(`  refuses          ${plan.refuses.join(', ') || 'nothing'}`);
  for (const check of plan.notes) {
    const why = check.reason === undefined ? '' : `  (${check.reason})`;
    print(
      `  ${WHERE[check.where]}  ${check.text.length > 90 ? `${check.text.slice(0, 87)}...` : check.text}${why}`,
    );
  }
}
