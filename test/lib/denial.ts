import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  CLASSIFIER_PROGRAMS,
  configureTiers,
  type DecidedRecord,
  Enforcer,
  type TierPlan,
} from '../../src/enforce/index.ts';
import { LANGUAGE } from '../../src/engine/ruleset.ts';
import { loadRules } from '../../src/rules/index.ts';
import type { AnyRec } from '../../src/sensors/record/record.gen.ts';
import type { SensorOptions } from '../../src/sensors/sensor.ts';
import { KernelSensor } from '../../src/sensors/sensor.ts';

export const PYTHON = '/usr/bin/python3';

const NOBODY = new Int32Array(new SharedArrayBuffer(4));

/** What the kernel told of a decision. */
export interface Told extends DecidedRecord {
  /** The first path of the call. */
  readonly name: string | undefined;
  /** The rule, `entry N`, or what the guard protects. */
  readonly by: string | undefined;
}

export interface DenialOptions {
  readonly tiers: TierPlan;
  readonly stateDir: string;
  readonly protectedExecutables?: readonly string[];
  /** What to do where records are lost; absent = the test fails. */
  readonly loss?: () => void;
  readonly capture?: Pick<SensorOptions, 'capture' | 'tracepoints'>;
}

/** Sensor and enforcer of this process, with what they told. */
export class Denial {
  readonly sensor: KernelSensor;
  readonly enforcer: Enforcer;
  readonly #told: Told[] = [];

  constructor(rules: string, options: DenialOptions) {
    const { tiers, stateDir, capture, loss, protectedExecutables = [] } = options;
    this.sensor = KernelSensor.open({
      capture: capture?.capture ?? new Map(),
      tracepoints: capture?.tracepoints ?? [],
      lifecycle: true,
      ringBytes: 1 << 16,
      priorityRingBytes: 1 << 24,
      ignorePid: process.pid,
      programs: [...CLASSIFIER_PROGRAMS, ...tiers.hooks],
      configure: (object) => configureTiers(object, tiers),
    });
    this.enforcer = new Enforcer({
      object: this.sensor.object,
      control: this.sensor.control,
      tiers,
      stateDir,
      mode: 'enforce',
      pin: false,
      protectedExecutables,
      maxDenialsPerMinute: 0,
      onTamper: () => {},
      onTrip: (rule) => assert.fail(`${rule} tripped`),
      onUnstored: (what, error) => assert.fail(`${what}: ${error}`),
    });
    this.apply(rules);
    this.enforcer.attach();
    this.sensor.start({
      record: (rec: AnyRec) => this.#take(rec),
      batchEnd() {},
      loss: loss ?? ((lost) => assert.fail(JSON.stringify(lost))),
      failed: (error) => assert.fail(String(error)),
    });
    this.enforcer.seed();
  }

  /** Puts rules in force, which must be without errors. */
  apply(rules: string): void {
    const { rules: set, diagnostics } = loadRules([{ name: 'test', text: rules }], LANGUAGE);
    assert.deepEqual(
      diagnostics.filter((d) => d.severity === 'error'),
      [],
    );
    assert.deepEqual(this.enforcer.apply(set!.rules, 'enforce').errors, []);
  }

  #take(rec: AnyRec): void {
    if (rec.clause === 0) return;
    const { flags, clause, nr, kind, policy } = rec;
    const decider = this.enforcer.attribution.decider(rec);
    const by =
      decider?.kind === 'entry'
        ? `entry ${decider.id}`
        : decider?.kind === 'rule'
          ? decider.name
          : decider?.what;
    this.#told.push({ flags, clause, nr, kind, policy, name: 'path0' in rec ? rec.path0 : undefined, by });
  }

  /** What was told since it was last asked. */
  told(): Told[] {
    // A record that another CPU is writing holds up those behind it.
    for (let quiet = 0; quiet < 3; ) {
      quiet = this.sensor.drain() > 0 ? 0 : quiet + 1;
      Atomics.wait(NOBODY, 0, 0, 2);
    }
    return this.#told.splice(0);
  }

  close(): void {
    this.enforcer.close();
    this.sensor.close();
  }
}

/** Runs Python; `ok` or the errno's name. */
export function act(code: string, python = PYTHON): string {
  const lines = code
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
  const program = `import os,socket,errno,ctypes\nlibc=ctypes.CDLL(None,use_errno=True)\ndef check(r):\n  if r<0: raise OSError(ctypes.get_errno(),'x')\ntry:\n${lines}\n  print('ok')\nexcept OSError as e: print(errno.errorcode.get(e.errno,e.errno))`;
  const { stdout, stderr, signal } = spawnSync(python, ['-c', program], { encoding: 'utf8' });
  return stdout.trim() || (signal ?? stderr);
}

/** A rule that refuses. */
export function denyRule(name: string, condition: string, more = ''): string {
  return `
- rule: ${name}
  desc: For a test.
  condition: ${condition}
  output: refused %proc.name
  priority: CRITICAL
  enforce: deny
${more}`;
}
