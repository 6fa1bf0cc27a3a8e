import { LIMITS, type Mask, type Output } from './tables.ts';

/** Outputs of all automata of a policy, each kept once. Number 0 is no output. */
export class OutputPool {
  readonly outputs: Output[] = [{ lanes: noLanes(), forbid: 0n, irregular: false }];
  readonly #byKey = new Map<string, number>();
  readonly #joined = new Map<number, number>();

  /** The number of an output, added if it is new. */
  intern(output: Output): number {
    const key = `${output.lanes.map(hex)}|${hex(output.forbid)}|${output.irregular}`;
    const known = this.#byKey.get(key);
    if (known !== undefined) return known;
    this.outputs.push(output);
    this.#byKey.set(key, this.outputs.length - 1);
    return this.outputs.length - 1;
  }

  readonly join = (a: number, b: number): number => {
    if (a === 0 || a === b) return b;
    if (b === 0) return a;
    const pair = a < b ? a * 65536 + b : b * 65536 + a;
    const known = this.#joined.get(pair);
    if (known !== undefined) return known;
    const [x, y] = [this.outputs[a] as Output, this.outputs[b] as Output];
    const joined = this.intern({
      lanes: x.lanes.map((m, i) => m | (y.lanes[i] as Mask)),
      forbid: x.forbid | y.forbid,
      irregular: x.irregular || y.irregular,
    });
    this.#joined.set(pair, joined);
    return joined;
  };
}

export function noLanes(): Mask[] {
  return new Array<Mask>(LIMITS.lanes).fill(0n);
}

/** An output for one clause in one lane, or for one that forbids. */
export function laneOutput(lane: number, clause: number): Output {
  const lanes = noLanes();
  lanes[lane] = 1n << BigInt(clause);
  return { lanes, forbid: 0n, irregular: false };
}

function hex(mask: Mask): string {
  return mask.toString(16);
}
