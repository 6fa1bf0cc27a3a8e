import type { Tier } from '../../engine/core/alert.ts';
import type { BpfObject } from '../../sensors/bpf/bpf.ts';
import { native } from '../../sensors/bpf/libbpf.ts';
import { cgroup2Mount, type Feature, type ProbeResult, probe } from '../../sensors/bpf/probe.ts';
import { usesCgroupV1 } from '../../sensors/cgroups.ts';
import { isDeniable, OPERATIONS } from '../clauses/operations.ts';
import { BIND_PROGRAMS, EGRESS_PROGRAM, LIST_PROGRAMS, WALL_PROGRAMS } from './network-wall.ts';

/** Programs of the object that the classifier needs beside the sensors: to be loaded with them. */
export const CLASSIFIER_PROGRAMS: readonly string[] = [
  'rf_judge_fork',
  'rf_judge_seed',
  'rf_judge_exec_alone',
];

/**
 * Programs at the kernel's security hooks, and the kernel functions that call them: where BPF is not among the security
 * modules, the same programs change what these functions return.
 */
const HOOKS: Readonly<Record<string, string>> = {
  rf_lsm_open: 'file_open',
  rf_lsm_exec: 'bprm_check',
  rf_lsm_map: 'mmap_file',
  rf_lsm_truncate: 'path_truncate',
  rf_lsm_mknod: 'path_mknod',
  rf_lsm_link: 'inode_link',
  rf_lsm_rename: 'inode_rename',
  rf_lsm_connect: 'socket_connect',
  rf_lsm_send: 'socket_sendmsg',
  rf_lsm_bind: 'socket_bind',
  rf_lsm_unlink: 'path_unlink',
  rf_lsm_rmdir: 'path_rmdir',
  rf_lsm_mkdir: 'path_mkdir',
  rf_lsm_symlink: 'path_symlink',
  rf_lsm_path_link: 'path_link',
  rf_lsm_path_rename: 'path_rename',
  rf_lsm_setuid: 'task_fix_setuid',
  rf_lsm_setgid: 'task_fix_setgid',
  rf_lsm_ptrace: 'ptrace_access_check',
  rf_lsm_traceme: 'ptrace_traceme',
  rf_lsm_bpf: 'bpf',
  rf_lsm_mount: 'sb_mount',
  rf_lsm_move_mount: 'move_mount',
  rf_lsm_umount: 'sb_umount',
  rf_lsm_module_file: 'kernel_read_file',
  rf_lsm_module_data: 'kernel_load_data',
};
const HOOK_PROGRAMS = Object.keys(HOOKS);

/** What refuses an operation on this machine, and what it rests on. */
export interface TierPlan {
  readonly files: Tier;
  readonly exec: Tier;
  readonly network: Tier;
  /** Programs that are loaded with the sensors and attached by their own section: security hooks. */
  readonly hooks: readonly string[];
  /** Programs that are attached at the cgroup, and loaded when there is something to refuse. */
  readonly wall: readonly string[];
  /** Where the network wall is attached. */
  readonly cgroup: string | undefined;
}

/** The tiers that `max` may be, lowest first. */
const LADDER = ['observe', 'signal', 'fmod_ret', 'lsm'] as const;
export type MaxTier = (typeof LADDER)[number];

export interface TierOptions {
  /** Also look at every packet. */
  readonly cutConnections?: boolean;
  readonly maxTier?: MaxTier;
  readonly ask?: (feature: Feature) => ProbeResult;
}

/** Chooses the highest tier for each hook by really loading. */
export function planTiers(options: TierOptions = {}): TierPlan {
  const { cutConnections = false, maxTier = 'lsm', ask = probe } = options;
  const may = (tier: MaxTier): boolean => LADDER.indexOf(tier) <= LADDER.indexOf(maxTier);
  const has = (feature: Feature): boolean => ask(feature).answer === 'yes';
  const wall = may('signal') && has('cgroup_sock_addr');
  const hooks = (['lsm', 'fmod_ret'] as const).find((tier) => may(tier) && has(tier));
  const signal = hooks !== undefined || (may('signal') && has('signal'));
  const forms = hooks !== undefined || !wallHasTasks() ? LIST_PROGRAMS : [...WALL_PROGRAMS, ...BIND_PROGRAMS];
  const wallPrograms = !wall ? [] : cutConnections ? [...forms, EGRESS_PROGRAM] : forms;
  const files: Tier = hooks ?? (signal ? 'signal' : 'observe');
  return {
    files,
    exec: files,
    network: hooks ?? (wall ? 'cgroup' : 'observe'),
    wall: wallPrograms,
    hooks: hooks === undefined ? [] : HOOK_PROGRAMS,
    cgroup: wall ? cgroup2Mount() : undefined,
  };
}

const PROG_CGROUP_SOCK_ADDR = 18;
const HELPER_TASK_STORAGE_GET = 156;

/** Whether a program at the cgroup can look up what is known of the task: only recent kernels allow it. */
function wallHasTasks(): boolean {
  return native().probeHelper(PROG_CGROUP_SOCK_ADDR, HELPER_TASK_STORAGE_GET, null) > 0;
}

/** Operations that the network wall sees. */
export const NETWORK: ReadonlySet<string> = new Set(['connect', 'send', 'bind']);

/**
 * How a rule on an operation refuses it on these tiers; undefined = it is only observed. Without security hooks what is
 * no connection can be killed for on its return, and an exec before its first instruction; but not a change of user:
 * who it was before is not known then.
 */
export function refusedBy(tiers: TierPlan, operation: string, action: 'deny' | 'kill'): Tier | undefined {
  if (NETWORK.has(operation)) {
    const asked = tiers.network !== 'cgroup' || tiers.wall.includes(BIND_PROGRAMS[0]);
    return tiers.network === 'observe' || !asked ? undefined : tiers.network;
  }
  if (operation === 'exec') return tiers.exec === 'observe' ? undefined : tiers.exec;
  if (tiers.files === 'lsm' || tiers.files === 'fmod_ret') return tiers.files;
  const killed = tiers.files === 'signal' && action === 'kill' && operation !== 'setuid';
  return killed ? tiers.files : undefined;
}

/** How each operation that rules may refuse is refused on these tiers: by `deny`, and by `kill`. */
export function refusals(
  tiers: TierPlan,
): { readonly operation: string; readonly deny: Tier | undefined; readonly kill: Tier | undefined }[] {
  return OPERATIONS.filter(({ name }) => isDeniable(name)).map(({ name }) => ({
    operation: name,
    deny: refusedBy(tiers, name, 'deny'),
    kill: refusedBy(tiers, name, 'kill'),
  }));
}

/** Tells the programs which tier they are on, and what this host is like. Before the object is loaded. */
export function configureTiers(object: BpfObject, tiers: TierPlan): void {
  object.setConstant('rf_signal_tier', tiers.exec === 'signal' ? 1 : 0);
  object.setConstant('rf_sure_of_host', usesCgroupV1() ? 0 : 1);
  object.setConstant('rf_by_return', tiers.files === 'fmod_ret' ? 1 : 0);
  if (tiers.files === 'fmod_ret')
    for (const [program, hook] of Object.entries(HOOKS)) object.modifyReturn(program, `security_${hook}`);
}
