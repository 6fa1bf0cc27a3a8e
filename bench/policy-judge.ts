import { compilePolicy } from '../src/enforce/compile.ts';
import { policyRules } from '../src/enforce/from-rules.ts';
import { KernelPolicy } from '../src/enforce/kernel-policy.ts';
import { OPERATIONS } from '../src/enforce/operations.ts';
import { DENY_BYTES, writeDenial } from '../src/enforce/testing-denial.ts';
import { EVENT_NAMES } from '../src/sensors/events.ts';
import { allocate, native, progOptions } from '../src/sensors/libbpf.ts';
import { loadObject } from '../src/sensors/loader.ts';
import { insn } from '../src/sensors/probe-program.ts';
import { syscallNumber } from '../src/sensors/syscalls.ts';
import { median, runTime, withRunTimes } from './kernel.ts';
import { compiledRules } from './policy-rules.ts';

const BATCHES = 41;
const RUNS = 500;
const PATH = '/srv/data/customer-77/public.txt';
const PROG_SYSCALL = 31;
const SLEEPABLE = 16;
/** struct rf_query and struct bpf_test_run_opts. */
const QUERY_BYTES = 64;
const RUN_BYTES = 88;
const OP_OPEN = OPERATIONS.find((o) => o.name === 'open')?.op ?? 0;

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
const ELSEWHERE =
  '- rule: Elsewhere\n  desc: d\n  condition: evt.type = connect and fd.sport = 1\n  output: x\n  priority: INFO\n';

/** A context for BPF_PROG_TEST_RUN. */
class Context {
  readonly #run = allocate(RUN_BYTES);

  constructor(bytes: number, fill: (b: Buffer) => void) {
    const context = allocate(bytes);
    fill(Buffer.from(context.memory));
    const run = Buffer.from(this.#run.memory);
    run.writeBigUInt64LE(BigInt(RUN_BYTES), 0);
    run.writeBigUInt64LE(context.address, 32);
    run.writeUInt32LE(bytes, 48);
  }

  /** ns for each of some runs, as the kernel counts them. */
  counted(fd: number): number {
    const before = runTime(fd);
    for (let i = 0; i < RUNS; i++) native().programTestRun(fd, this.#run.address);
    const after = runTime(fd);
    return (after.ns - before.ns) / (after.runs - before.runs);
  }
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
  const nr = syscallNumber('openat') ?? 0;
  const query = new Context(QUERY_BYTES, (q) => {
    q.writeUInt32LE(OP_OPEN, 0);
    q.writeUInt32LE(nr, 4);
    q.writeBigInt64LE(3n, 8);
    q.writeBigUInt64LE(path.address, 16);
    q.writeInt32LE(-100, 32);
    q.writeInt32LE(-1, 48);
  });
  const denial = new Context(DENY_BYTES, (d) => writeDenial(d, { op: 'open', event: 'openat', path: PATH }));
  const nothing = new Context(QUERY_BYTES, () => {});
  const empty = emptyProgram();
  const kernel = new KernelPolicy(object);
  const out: JudgeCost[] = [];
  let generation = 0;
  const measure = (name: string, context: Context, program: string, text: string): void => {
    const rules = policyRules(compiledRules(text).rules, EVENT_NAMES.names, 'enforce');
    const { policy, errors } = compilePolicy(rules, ++generation);
    if (errors.length > 0) throw new Error(errors[0]?.message);
    kernel.install(policy, { numbers: (event) => [syscallNumber(event) ?? []].flat(), keep: [] });
    const fd = object.programFd(program);
    context.counted(fd);
    const batches = Array.from({ length: BATCHES }, () => context.counted(fd) - nothing.counted(empty));
    out.push({ name, program: median(batches) });
  };
  try {
    await withRunTimes(async () => {
      measure('no detecting rule on opens', query, 'rf_judge_once', ELSEWHERE);
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
