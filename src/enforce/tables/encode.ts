import { BIT_STATES, NUMBER_DIMS, PROCESS_DIMS, STRING_DIMS } from '../clauses/term.ts';
import { type Automaton, ROW_HEADER, tableWords } from './automaton.ts';
import { labelKind } from './labels.ts';
import { FILTER_BYTES, namedClauses, nameFilter } from './name-filter.ts';
import {
  ALL_CLAUSES,
  type ClassTable,
  LIMITS,
  type Mask,
  type NumberTable,
  type Policy,
  type StringTable,
} from './tables.ts';

const MASK = 32;
const MATCHER = MASK * (LIMITS.lanes + 1) + 8 + 256;
const INTERVALS = 8 + MASK * 2;
const OUTPUT = MASK * (LIMITS.lanes + 1) + 8;
const CLASS_MASKS = 16;
const CLASS_BITS = CLASS_MASKS + MASK * 6;
const CLASS_STRINGS = CLASS_BITS + MASK * BIT_STATES;
const CLASS_NUMBERS = CLASS_STRINGS + MATCHER * STRING_DIMS.length;
const CLASS = CLASS_NUMBERS + INTERVALS * NUMBER_DIMS.length;
const FIRST = 32;
const FIRST_AT = 16;
const NAMES_AT = FIRST_AT + FIRST * LIMITS.classes;
const CALLS_AT = NAMES_AT + FILTER_BYTES;
const KEEP_AT = CALLS_AT + MASK * LIMITS.systemCalls;
const CLASSES_AT = KEEP_AT + LIMITS.systemCalls;
const OUTPUTS_AT = CLASSES_AT + CLASS * LIMITS.classes;
const BREAKS_AT = OUTPUTS_AT + OUTPUT * LIMITS.outputs;
const BREAK_MASKS_AT = BREAKS_AT + 4 * LIMITS.breaks;
const TABLE_AT = BREAK_MASKS_AT + MASK * LIMITS.breaks;
const SLACK_WORDS = 320;

/** Bytes of struct rf_policy; the loader compares it with the map's value size. */
export const POLICY_BYTES = TABLE_AT + 4 * (LIMITS.tableWords + SLACK_WORDS);

/** RF_POLICY_SCOPES. */
const SCOPES = 1;

const PROCESS_CLASSES = 8;
const NO_PROCESS = 0xffff_ffff;

export interface EncodeOptions {
  /** System call numbers of an event. */
  readonly numbers: (event: string) => readonly number[];
  /** System calls that user space needs whatever the rules say. */
  readonly keep: readonly number[];
}

/** The map value for a policy: struct rf_policy. */
export function encodePolicy(policy: Policy, options: EncodeOptions): Buffer {
  const writer = new PolicyWriter();
  writer.header(policy, options);
  let process = 0;
  for (const table of policy.classes) {
    const looks = careOf(table) !== 0n;
    writer.classTable(table, looks && process < PROCESS_CLASSES ? process++ : NO_PROCESS);
  }
  return writer.buffer;
}

/** Clauses that look at the process. */
function careOf(table: ClassTable): Mask {
  let care = 0n;
  for (const [dim, strings] of table.strings) if (PROCESS_DIMS.has(dim)) care |= strings.care;
  for (const dim of ['uid', 'loginuid', 'scope'] as const) {
    const numbers = table.numbers.get(dim);
    if (numbers !== undefined) care |= numbersCare(numbers);
  }
  return care;
}

/** enum rf_labelled. */
function labelled(table: ClassTable): number {
  const kinds = table.named.map(({ pattern }) => labelKind(pattern)).filter((kind) => kind !== undefined);
  return kinds.length === 0 ? 0 : kinds.every((kind) => kind === 'self') ? 1 : 2;
}

/** Clauses for which some value of the number is not allowed. */
function numbersCare(table: NumberTable): Mask {
  return ALL_CLAUSES & ~table.masks.reduce((a, b) => a & b, table.absent);
}

class PolicyWriter {
  readonly buffer = Buffer.alloc(POLICY_BYTES);
  readonly #words = new Uint32Array(this.buffer.buffer, this.buffer.byteOffset + TABLE_AT, LIMITS.tableWords);
  #nextRow = ROW_HEADER;
  #nextBreak = 0;

  header(policy: Policy, options: EncodeOptions): void {
    this.buffer.writeUInt32LE(policy.generation, 0);
    const scopes = policy.classes.some((table) => table.numbers.has('scope'));
    this.buffer.writeUInt32LE(scopes ? SCOPES : 0, 4);
    const refuses = policy.classes.reduce((ops, t) => (t.deny | t.kill ? ops | (1 << t.op) : ops), 0);
    this.buffer.writeInt32LE(refuses, 8);
    this.buffer.set(nameFilter(policy), NAMES_AT);
    for (const table of policy.classes) {
      for (const [event, mask] of table.events) {
        for (const nr of options.numbers(event)) this.#mask(CALLS_AT + nr * MASK, mask);
      }
    }
    for (const nr of options.keep) this.buffer[KEEP_AT + nr] = 1;
    policy.outputs.forEach((output, i) => {
      const at = OUTPUTS_AT + i * OUTPUT;
      this.#masks(at, output.lanes);
      this.#mask(at + LIMITS.lanes * MASK, output.forbid);
      this.buffer.writeUInt32LE(output.irregular ? 1 : 0, at + (LIMITS.lanes + 1) * MASK);
    });
  }

  classTable(table: ClassTable, process: number): void {
    const at = CLASSES_AT + table.op * CLASS;
    this.buffer.writeUInt32LE(1, at);
    this.buffer.writeUInt32LE(process, at + 4);
    const numbers = NUMBER_DIMS.reduce(
      (bits, dim, i) => (table.numbers.has(dim) ? bits | (1 << i) : bits),
      0,
    );
    const named = namedClauses(table);
    const { emit, deny, kill, monitor, closed } = table;
    const states = (clauses: Mask): bigint =>
      table.bits.reduce((sum, mask, i) => ((mask & clauses) === 0n ? sum : sum | (1n << BigInt(i))), 0n);
    this.buffer.writeUInt32LE(numbers, at + 8);
    this.buffer.writeUInt32LE(labelled(table), at + 12);
    const first = FIRST_AT + table.op * FIRST;
    this.buffer.writeBigUInt64LE(states(deny | kill), first);
    this.buffer.writeBigUInt64LE(states((deny | kill) & ~named.clauses), first + 8);
    this.buffer.writeUInt32LE(named.folders ? 1 : 0, first + 16);
    this.buffer.writeUInt32LE(named.fileEnds, first + 20);
    this.buffer.writeUInt32LE(named.folderEnds, first + 24);
    this.#masks(at + CLASS_MASKS, [emit, deny, kill, monitor, careOf(table), closed]);
    this.#masks(at + CLASS_BITS, table.bits);
    STRING_DIMS.forEach((dim, i) => {
      const strings = table.strings.get(dim);
      if (strings !== undefined) this.#matcher(at + CLASS_STRINGS + i * MATCHER, strings);
    });
    NUMBER_DIMS.forEach((dim, i) => {
      const numbers = table.numbers.get(dim);
      if (numbers !== undefined) this.#intervals(at + CLASS_NUMBERS + i * INTERVALS, numbers);
    });
  }

  #matcher(at: number, strings: StringTable): void {
    this.#masks(at, strings.base);
    this.#mask(at + LIMITS.lanes * MASK, strings.care);
    const tail = at + (LIMITS.lanes + 1) * MASK;
    this.buffer.writeUInt32LE(this.#rows(strings.automaton), tail);
    this.buffer.set(strings.automaton.classes, tail + 8);
  }

  /** Writes an automaton's rows; the result is the first word of its start state's row. */
  #rows(a: Automaton): number {
    const width = ROW_HEADER + a.classCount;
    const first = this.#nextRow;
    for (let state = 0; state < a.stateCount; state++) {
      const row = first + state * width;
      this.#words[row] = (a.outputs[state * 3] as number) | ((a.outputs[state * 3 + 1] as number) << 16);
      this.#words[row + 1] = a.outputs[state * 3 + 2] as number;
      for (let c = 0; c < a.classCount; c++) {
        this.#words[row + ROW_HEADER + c] = first + (a.next[state * a.classCount + c] as number) * width;
      }
    }
    this.#nextRow += tableWords(a);
    return first + a.start * width;
  }

  #intervals(at: number, numbers: NumberTable): void {
    this.buffer.writeUInt32LE(this.#nextBreak, at);
    this.buffer.writeUInt32LE(numbers.breaks.length, at + 4);
    this.#mask(at + 8, numbers.absent);
    this.#mask(at + 8 + MASK, numbersCare(numbers));
    numbers.breaks.forEach((value, i) => {
      const index = this.#nextBreak + i;
      this.buffer.writeUInt32LE(value, BREAKS_AT + index * 4);
      this.#mask(BREAK_MASKS_AT + index * MASK, numbers.masks[i] as Mask);
    });
    this.#nextBreak += numbers.breaks.length;
  }

  #masks(at: number, masks: readonly Mask[]): void {
    masks.forEach((mask, i) => {
      this.#mask(at + i * MASK, mask);
    });
  }

  #mask(at: number, mask: Mask): void {
    let rest = mask;
    for (let word = 0; word < MASK; word += 8) {
      this.buffer.writeBigUInt64LE(rest & 0xffff_ffff_ffff_ffffn, at + word);
      rest >>= 64n;
    }
  }
}
