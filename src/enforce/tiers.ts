import type { Tier } from '../engine/core/alert.ts';
import { cgroup2Mount, type Feature, type ProbeResult, probe } from '../sensors/probe.ts';
import { WALL_PROGRAMS } from './network-wall.ts';

/** What refuses an operation on this machine, and what it rests on. */
export interface TierPlan {
  readonly files: Tier;
  readonly exec: Tier;
  readonly network: Tier;
  /** Why a higher tier was not taken. */
  readonly reasons: readonly string[];
  /** Programs to load for these tiers. */
  readonly programs: readonly string[];
  /** Where the network wall is attached. */
  readonly cgroup: string | undefined;
}

/** Chooses the highest tier for each hook by really loading. */
export function planTiers(ask: (feature: Feature) => ProbeResult = probe): TierPlan {
  const reasons: string[] = [];
  const has = (feature: Feature): boolean => {
    const { answer, why } = ask(feature);
    if (answer !== 'yes') reasons.push(`${feature}: ${why ?? answer}`);
    return answer === 'yes';
  };
  const wall = has('cgroup_sock_addr');
  const signal = has('signal');
  return {
    files: signal ? 'signal' : 'observe',
    exec: signal ? 'signal' : 'observe',
    network: wall ? 'cgroup' : 'observe',
    reasons,
    programs: wall ? WALL_PROGRAMS : [],
    cgroup: wall ? cgroup2Mount() : undefined,
  };
}
