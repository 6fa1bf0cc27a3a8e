import type { Automaton } from './automaton.ts';

/**
 * The same automaton with fewer states: those with equal outputs and equal transitions become one, from the longest
 * texts to the shortest, so that patterns share their ends as the trie lets them share their beginnings. `order` has
 * the states breadth first.
 */
export function minimise(a: Automaton, order: readonly number[]): Automaton {
  const { classCount: width, next, outputs } = a;
  const same = Uint32Array.from({ length: a.stateCount }, (_, i) => i);
  const buckets = new Map<number, number[]>();
  const equal = (x: number, y: number): boolean => {
    for (let i = 0; i < 3; i++) if (outputs[x * 3 + i] !== outputs[y * 3 + i]) return false;
    for (let i = 0; i < width; i++) if (next[x * width + i] !== next[y * width + i]) return false;
    return true;
  };
  let kept = a.stateCount;
  for (let n = order.length - 1; n > 0; n--) {
    const state = order[n] as number;
    let hash = 0;
    for (let i = 0; i < 3; i++) hash = Math.imul(hash ^ (outputs[state * 3 + i] as number), 0x01000193);
    for (let i = state * width; i < (state + 1) * width; i++) {
      next[i] = same[next[i] as number] as number;
      hash = Math.imul(hash ^ (next[i] as number), 0x01000193);
    }
    const bucket = buckets.get(hash);
    const twin = bucket?.find((other) => equal(state, other));
    if (twin !== undefined) {
      same[state] = twin;
      kept--;
    } else if (bucket === undefined) buckets.set(hash, [state]);
    else bucket.push(state);
  }
  return renumbered(a, same, kept);
}

/** Leaves out the states that stand for another one. */
function renumbered(a: Automaton, same: Uint32Array, kept: number): Automaton {
  const { classCount: width } = a;
  const number = new Uint32Array(a.stateCount);
  let count = 0;
  same.forEach((twin, state) => {
    if (twin === state) number[state] = count++;
  });
  const next = new Uint32Array(kept * width);
  const outputs = new Uint16Array(kept * 3);
  same.forEach((twin, state) => {
    if (twin !== state) return;
    const to = number[state] as number;
    outputs.set(a.outputs.subarray(state * 3, state * 3 + 3), to * 3);
    for (let i = 0; i < width; i++) {
      const target = same[a.next[state * width + i] as number] as number;
      next[to * width + i] = number[target] as number;
    }
  });
  return { ...a, next, outputs, stateCount: kept, start: number[same[a.start] as number] as number };
}
