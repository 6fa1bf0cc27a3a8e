import type { NumberDim, StringDim } from '../clauses/term.ts';
import { scan } from './automaton.ts';
import {
  ALL_CLAUSES,
  type ClassTable,
  type Mask,
  type NumberTable,
  type Output,
  type Policy,
  PROTECTED_MARK,
} from './tables.ts';

/**
 * One operation as the kernel sees it. What is not in a map could not be read: nothing is concluded from it. `null` is
 * what the operation has not (an IPv6 address of an IPv4 socket, the port of a unix socket).
 */
export interface Operation {
  readonly event: string;
  readonly bits: number;
  readonly strings: ReadonlyMap<StringDim, string | null>;
  readonly numbers: ReadonlyMap<NumberDim, number | null>;
  /** Root executed the process's program on the host. */
  readonly byRoot?: boolean;
}

export interface Verdict {
  readonly emit: boolean;
  /** Index of the first denying clause that holds; undefined = allowed. */
  readonly deny: number | undefined;
}

/** The classifier in TypeScript: the same tables, the same steps as `classify.h`. The reference for its tests. */
export function classify(policy: Policy, table: ClassTable, operation: Operation): Verdict {
  let mask = (table.events.get(operation.event) ?? 0n) & (table.bits[operation.bits] ?? 0n);
  for (const [dim, numbers] of table.numbers) {
    const value = operation.numbers.get(dim);
    if (value !== undefined) mask &= numberMask(numbers, value);
  }
  for (const [dim] of table.strings) {
    const text = operation.strings.get(dim);
    if (text !== undefined) mask &= stringMask(policy, table, dim, text);
    if (dim === 'exe' && text && operation.byRoot)
      mask &= ~matched(policy, table, dim, PROTECTED_MARK + text).forbid;
  }
  const denying = mask & (table.deny | table.kill);
  return { emit: (mask & table.emit) !== 0n, deny: denying === 0n ? undefined : lowest(denying) };
}

function numberMask(table: NumberTable, value: number | null): Mask {
  if (value === null) return table.absent;
  let low = 0;
  let high = table.breaks.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((table.breaks[middle] as number) <= value) low = middle;
    else high = middle - 1;
  }
  return table.masks[low] as Mask;
}

function stringMask(policy: Policy, table: ClassTable, dim: StringDim, text: string | null): Mask {
  const { lanes, forbid, irregular } = matched(policy, table, dim, text);
  if (irregular && dim === 'raw') return ALL_CLAUSES;
  return lanes.reduce((a, b) => a & b, ALL_CLAUSES & ~forbid);
}

/** What a pass over a string says; null matches nothing. */
function matched(policy: Policy, table: ClassTable, dim: StringDim, text: string | null): Output {
  const strings = table.strings.get(dim);
  const lanes = strings === undefined ? [ALL_CLAUSES] : [...strings.base];
  let forbid: Mask = 0n;
  let irregular = false;
  if (text !== null && strings !== undefined) {
    scan(strings.automaton, text, (number) => {
      const output = policy.outputs[number] as Output;
      output.lanes.forEach((mask, i) => {
        lanes[i] = (lanes[i] as Mask) | mask;
      });
      forbid |= output.forbid;
      irregular ||= output.irregular;
    });
  }
  return { lanes, forbid, irregular };
}

function lowest(mask: Mask): number {
  let i = 0;
  while (((mask >> BigInt(i)) & 1n) === 0n) i++;
  return i;
}
