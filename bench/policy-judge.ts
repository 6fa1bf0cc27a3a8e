import { policyRules } from '../src/enforce/clauses/from-rules.ts';
import { KernelPolicy } from '../src/enforce/kernel/kernel-policy.ts';
import { compilePolicy } from '../src/enforce/tables/compile.ts';
import { DENY_BYTES, writeDenial } from '../src/enforce/testing/denial.ts';
import { QUERY_BYTES, writeQuery } from '../src/enforce/testing/query.ts';
import { TestRun } from '../src/enforce/testing/run.ts';
import { allocate, native, progOptions } from '../src/sensors/bpf/libbpf.ts';
import { insn } from '../src/sensors/bpf/probe-program.ts';
import { EVENT_NAMES } from '../src/sensors/events/events.ts';
import { syscallNumber } from '../src/sensors/events/syscalls.ts';
import { loadObject } from '../src/sensors/loader.ts';
import { runTime, withRunTimes } from './kernel.ts';
import { compiledRules } from './policy-rules.ts';
import { median } from './report.ts';

const BATCHES = 41;
const RUNS = 500;
const PATH = '/srv/data/customer-77/public.txt';
const PROG_SYSCALL = 31;
const SLEEPABLE = 16;

/** What the judgement of one open costs that no rule matches, in ns, less an empty program counted beside it. */
export interface JudgeCost {
  readonly name: string;
  readonly program: number;
}

const rulesOn = (count: number, deny: boolean): string =>
  Array.from(
    { length: count },
    (_, i) =>
      `- rule: Open ${i}\n  desc: d\n  condition: evt.type in (open, openat) and fd.name = /srv/data/customer-${i}/secret.key\n  output: x\n  priority: INFO\n${deny ? '  enforce: deny\n' : ''}`,
  ).join('');

/** A rule on something else. */
export const ELSEWHERE =
  '- rule: Elsewhere\n  desc: d\n  condition: evt.type = connect and fd.sport = 1\n  output: x\n  priority: INFO\n';

/** ns for each of some runs, as the kernel counts them. */
function counted(run: TestRun, fd: number): number {
  const before = runTime(fd);
  for (let i = 0; i < RUNS; i++) run.call(fd);
  const after = runTime(fd);
  return (after.ns - before.ns) / (after.runs - before.runs);
}

/** The judge that tracepoints and security hooks share, run by BPF_PROG_TEST_RUN on an open of a near miss. */
export async function judgeCosts(
  detecting: readonly number[],
  denying: readonly number[],
): Promise<JudgeCost[]> {
  const object = loadObject({
    programs: new Set(['rf_judge_once', 'rf_deny_once']),
    ringBytes: 4096,
    priorityRingBytes: 4096,
  });
  const path = allocate(512);
  Buffer.from(path.memory).write(PATH, 'latin1');
  const query = new TestRun(QUERY_BYTES);
  writeQuery(query.context, { op: 'open', event: 'openat', ret: 3, path: path.address });
  const denial = new TestRun(DENY_BYTES);
  writeDenial(denial.context, { op: 'open', event: 'openat', path: PATH });
  const nothing = new TestRun(QUERY_BYTES);
  const empty = emptyProgram();
  const kernel = new KernelPolicy(object);
  const out: JudgeCost[] = [];
  let generation = 0;
  const measure = (name: string, run: TestRun, program: string, text: string, said = 0): void => {
    const rules = policyRules(compiledRules(text).rules, EVENT_NAMES.names, 'enforce');
    const { policy, errors } = compilePolicy(rules, ++generation);
    if (errors.length > 0) throw new Error(errors[0]?.message);
    kernel.install(policy, (event) => [syscallNumber(event) ?? []].flat());
    const fd = object.programFd(program);
    counted(run, fd);
    if (run.call(fd) !== said) throw new Error(`${name}: judged otherwise than it must be`);
    const batches = Array.from({ length: BATCHES }, () => counted(run, fd) - counted(nothing, empty));
    out.push({ name, program: median(batches) });
  };
  try {
    await withRunTimes(async () => {
      measure('no detecting rule on opens', query, 'rf_judge_once', ELSEWHERE, 1);
      for (const n of detecting) measure(`${n} detecting rules`, query, 'rf_judge_once', rulesOn(n, false));
      measure('no denying rule on opens: the frame of the measurement', denial, 'rf_deny_once', ELSEWHERE);
      for (const n of denying) measure(`${n} denying rules`, denial, 'rf_deny_once', rulesOn(n, true));
    });
    return out;
  } finally {
    native().close(empty);
    object.close();
  }
}

function emptyProgram(): number {
  const code = Buffer.concat([insn(0xb7, 0, 0, 0, 0), insn(0x95)]); // r0 = 0; exit
  const options = progOptions({ prog_flags: SLEEPABLE });
  const fd = native().progLoad(PROG_SYSCALL, 'rf_empty', 'GPL', code, code.length / 8, options);
  if (fd < 0) throw new Error('cannot load an empty program');
  return fd;
}
