import type { Tier } from '../engine/core/alert.ts';
import type { BpfObject } from '../sensors/bpf.ts';
import { native } from '../sensors/libbpf.ts';
import { cgroup2Mount, type Feature, type ProbeResult, probe } from '../sensors/probe.ts';
import { EGRESS_PROGRAM, LIST_PROGRAMS, WALL_PROGRAMS } from './network-wall.ts';

/** Programs at the kernel's security hooks. */
export const LSM_PROGRAMS: readonly string[] = [
  'rf_lsm_open',
  'rf_lsm_exec',
  'rf_lsm_map',
  'rf_lsm_truncate',
  'rf_lsm_link',
  'rf_lsm_rename',
  'rf_lsm_connect',
  'rf_lsm_send',
  'rf_lsm_ptrace',
  'rf_lsm_traceme',
  'rf_lsm_bpf',
  'rf_lsm_mount',
  'rf_lsm_module_file',
  'rf_lsm_module_data',
];

/** What refuses an operation on this machine, and what it rests on. */
export interface TierPlan {
  readonly files: Tier;
  readonly exec: Tier;
  readonly network: Tier;
  /** Why a higher tier was not taken. */
  readonly reasons: readonly string[];
  /** Programs to load for these tiers. */
  readonly programs: readonly string[];
  /** Those of them that are attached by their own section: security hooks. */
  readonly hooks: readonly string[];
  /** Those of them that are attached at the cgroup. */
  readonly wall: readonly string[];
  /** Where the network wall is attached. */
  readonly cgroup: string | undefined;
}

/** Chooses the highest tier for each hook by really loading. `cutConnections`: also look at every packet. */
export function planTiers(cutConnections = false, ask: (feature: Feature) => ProbeResult = probe): TierPlan {
  const reasons: string[] = [];
  const has = (feature: Feature): boolean => {
    const { answer, why } = ask(feature);
    if (answer !== 'yes') reasons.push(`${feature}: ${why ?? answer}`);
    return answer === 'yes';
  };
  const wall = has('cgroup_sock_addr');
  const lsm = has('lsm');
  const signal = lsm || has('signal');
  const forms = lsm || !wallHasTasks() ? LIST_PROGRAMS : WALL_PROGRAMS;
  const wallPrograms = !wall ? [] : cutConnections ? [...forms, EGRESS_PROGRAM] : forms;
  const files: Tier = lsm ? 'lsm' : signal ? 'signal' : 'observe';
  return {
    files,
    exec: files,
    network: lsm ? 'lsm' : wall ? 'cgroup' : 'observe',
    reasons,
    programs: [...wallPrograms, ...(lsm ? LSM_PROGRAMS : [])],
    wall: wallPrograms,
    hooks: lsm ? LSM_PROGRAMS : [],
    cgroup: wall ? cgroup2Mount() : undefined,
  };
}

const PROG_CGROUP_SOCK_ADDR = 18;
const HELPER_TASK_STORAGE_GET = 156;

/** Whether a program at the cgroup can look up what is known of the task: only recent kernels allow it. */
function wallHasTasks(): boolean {
  return native().probeHelper(PROG_CGROUP_SOCK_ADDR, HELPER_TASK_STORAGE_GET, null) > 0;
}

/** How an operation is refused on these tiers; undefined = it is only observed. */
export function refusedBy(tiers: TierPlan, operation: string, action: 'deny' | 'kill'): Tier | undefined {
  const tier =
    operation === 'connect' || operation === 'send'
      ? tiers.network
      : operation === 'exec'
        ? tiers.exec
        : operation === 'open'
          ? tiers.files
          : tiers.files === 'lsm'
            ? 'lsm'
            : 'observe';
  if (tier === 'observe') return undefined;
  return operation === 'open' && tier === 'signal' && action === 'deny' ? undefined : tier;
}

/** Tells the programs which tier they are on. Before the object is loaded. */
export function configureTiers(object: BpfObject, tiers: TierPlan): void {
  object.setConstant('rf_signal_tier', tiers.exec === 'signal' ? 1 : 0);
}
