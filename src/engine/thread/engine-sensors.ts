import { guardPrograms } from '../../enforce/kernel/guard.ts';
import { CLASSIFIER_PROGRAMS, configureTiers, planTiers, type TierPlan } from '../../enforce/kernel/tiers.ts';
import { KernelSensor } from '../../sensors/sensor.ts';
import type { EngineSpec } from './protocol.ts';

/** The kernel's side of the engine, being loaded. */
export interface EngineSensors {
  readonly tiers: TierPlan;
  readonly guards: readonly string[];
  readonly sensor: KernelSensor;
}

/**
 * Begins with what takes longest of a start, the verifier, and needs little code: the rest of the engine is loaded
 * meanwhile, and the rules are. Throws an AppError that says what is wrong; then nothing is left.
 */
export function beginSensors({ config }: EngineSpec): EngineSensors {
  const tiers = planTiers({
    cutConnections: config.enforcement.cut_connections,
    maxTier: config.sensors.max_tier,
  });
  const guards = guardPrograms(tiers, config.enforcement.self_protection);
  const sensor = KernelSensor.begin({
    lifecycle: true,
    ringBytes: config.sensors.ring_bytes,
    priorityRingBytes: config.sensors.priority_ring_bytes,
    ignorePid: process.pid,
    compatCalls: config.sensors.compat_calls,
    programs: [...CLASSIFIER_PROGRAMS, ...tiers.hooks, ...guards],
    configure: (object) => configureTiers(object, tiers),
  });
  return { tiers, guards, sensor };
}
