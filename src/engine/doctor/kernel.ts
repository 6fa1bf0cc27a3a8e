import type { refusals } from '../../enforce/index.ts';
import type { Feature, ProbeResult } from '../../sensors/bpf/probe.ts';
import type { Check, Finding } from './check.ts';

interface FeatureRow {
  readonly title: string;
  /** What is lost without it. */
  readonly need: string;
  /** Without it the engine cannot run at all. */
  readonly essential?: boolean;
}

/** What each mechanism of the kernel is for. */
const FEATURES: Readonly<Record<Exclude<Feature, 'btf'>, FeatureRow>> = {
  ringbuf: { title: 'Ring buffer', need: 'the way of events to user space (5.8)', essential: true },
  tp_btf: { title: 'Typed tracepoints', need: 'process lifecycle (5.5)', essential: true },
  tracepoint: {
    title: 'Call tracepoints',
    need: 'calls are seen one by one; without it every call is looked at',
  },
  raw_tp: { title: 'Raw tracepoints', need: 'another way to see calls' },
  iterators: { title: 'Iterators', need: 'the classifier knows processes that are older than the engine' },
  task_storage: { title: 'Task storage', need: 'scopes that stick to a process (5.11)' },
  cgroup_sock_addr: { title: 'Network wall', need: 'refusing connections without LSM (cgroup v2)' },
  signal: { title: 'Signals from BPF', need: 'killing what a rule forbids where it cannot be refused (5.3)' },
  lsm: { title: 'Tier lsm', need: 'refusing before it happens, through every way in' },
  fmod_ret: { title: 'Tier fmod_ret', need: 'the same on kernels whose lsm= lacks bpf' },
  fentry: { title: 'Function tracing', need: 'hooks on kernel functions' },
};

function finding(row: FeatureRow, { answer, why = '' }: ProbeResult): Finding {
  if (answer === 'yes') return { status: 'ok', found: 'works (loaded, attached, seen to run)' };
  if (answer === 'unknown') return { status: 'unknown', found: why, need: row.need };
  return { status: row.essential ? 'fail' : 'warn', found: why, need: row.need, denied: true };
}

/** Operations that rules can refuse, by what becomes of them here: `lsm: open, exec ...`. */
export function refusalFinding(all: ReturnType<typeof refusals>): Finding {
  const groups = new Map<string, string[]>();
  for (const { operation, deny, kill } of all) {
    const how = deny ?? (kill === undefined ? 'observed only' : `only \`enforce: kill\`, ${kill}`);
    groups.set(how, [...(groups.get(how) ?? []), operation]);
  }
  const found = [...groups].map(([how, operations]) => `${how}: ${operations.join(', ')}`).join('; ');
  if (all.every(({ deny }) => deny !== undefined)) return { status: 'ok', found };
  return { status: 'warn', found, need: 'refusing all of them takes the tier lsm or fmod_ret' };
}

/** What this kernel really does: each mechanism is loaded, attached and provoked, then taken away again. */
export async function kernelChecks(): Promise<Check[]> {
  const { probe } = await import('../../sensors/bpf/probe.ts');
  const { planTiers, refusals } = await import('../../enforce/index.ts');
  const answers = new Map<Feature, ProbeResult>();
  const ask = (feature: Feature): ProbeResult => {
    const answer = answers.get(feature) ?? probe(feature);
    answers.set(feature, answer);
    return answer;
  };
  const features = Object.entries(FEATURES).map(([name, row]) => ({
    name,
    title: row.title,
    run: () => finding(row, ask(name as Feature)),
  }));
  const refused = {
    name: 'refusals',
    title: 'Rules can refuse',
    run: () => refusalFinding(refusals(planTiers({ ask }))),
  };
  return [...features, refused];
}
