import {
  RF_LABELLED,
  RF_LIMIT,
  RF_NUMBER,
  RF_POLICY_FLAG,
  RF_STRING,
  STRUCTS,
} from '../../sensors/record/layout.gen.ts';
import { offsetsOf } from '../../sensors/record/layout.ts';
import { type NumberDim, PROCESS_DIMS, type StringDim } from '../clauses/term.ts';
import { type Automaton, ROW_HEADER, tableWords } from './automaton.ts';
import { labelKind } from './labels.ts';
import { type NamedClauses, namedClauses, nameFilter } from './name-filter.ts';
import {
  ALL_CLAUSES,
  type ClassTable,
  type Mask,
  type NumberTable,
  type Policy,
  type StringTable,
} from './tables.ts';

const POLICY = offsetsOf(STRUCTS.rf_policy);
const FIRST = offsetsOf(STRUCTS.rf_first);
const CLASS = offsetsOf(STRUCTS.rf_class);
const MATCHER = offsetsOf(STRUCTS.rf_matcher);
const INTERVALS = offsetsOf(STRUCTS.rf_intervals);
const OUTPUT = offsetsOf(STRUCTS.rf_output);
const MASK = STRUCTS.rf_mask.size;

/** Bytes of the map value for a policy. */
export const POLICY_BYTES = STRUCTS.rf_policy.size;

const NO_PROCESS = 0xffff_ffff;

/** Which of an operation's automata a string is for. */
const STRINGS: Readonly<Record<StringDim, number>> = {
  path: RF_STRING.PATH,
  raw: RF_STRING.RAW,
  comm: RF_STRING.COMM,
  exe: RF_STRING.EXE,
  pcomm: RF_STRING.PCOMM,
  addr6: RF_STRING.ADDR6,
  other: RF_STRING.OTHER,
  cgroup: RF_STRING.CGROUP,
};

const NUMBERS: Readonly<Record<NumberDim, number>> = {
  uid: RF_NUMBER.UID,
  loginuid: RF_NUMBER.LOGINUID,
  scope: RF_NUMBER.SCOPE,
  daddr4: RF_NUMBER.DADDR4,
  dport: RF_NUMBER.DPORT,
  proto: RF_NUMBER.PROTO,
  id: RF_NUMBER.ID,
};

/** System call numbers of an event. */
export type CallNumbers = (event: string) => readonly number[];

/** The map value for a policy: struct rf_policy. */
export function encodePolicy(policy: Policy, numbers: CallNumbers): Buffer {
  const writer = new PolicyWriter();
  writer.header(policy, numbers);
  let process = 0;
  for (const table of policy.classes) {
    const looks = careOf(table) !== 0n;
    writer.classTable(table, looks && process < RF_LIMIT.PROCESS_CLASSES ? process++ : NO_PROCESS);
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
  if (kinds.length === 0) return RF_LABELLED.NOTHING;
  return kinds.every((kind) => kind === 'self') ? RF_LABELLED.OBJECTS : RF_LABELLED.FOLDERS;
}

/** Clauses for which some value of the number is not allowed. */
function numbersCare(table: NumberTable): Mask {
  return ALL_CLAUSES & ~table.masks.reduce((a, b) => a & b, table.absent);
}

class PolicyWriter {
  readonly buffer = Buffer.alloc(POLICY_BYTES);
  readonly #words = new Uint32Array(
    this.buffer.buffer,
    this.buffer.byteOffset + POLICY.table,
    RF_LIMIT.TABLE_WORDS,
  );
  #nextRow = ROW_HEADER;
  #nextBreak = 0;

  header(policy: Policy, numbers: CallNumbers): void {
    this.#word(POLICY.generation, policy.generation);
    const scopes = policy.classes.some((table) => table.numbers.has('scope'));
    this.#word(POLICY.flags, scopes ? RF_POLICY_FLAG.SCOPES : 0);
    this.#word(
      POLICY.refuses,
      policy.classes.reduce((ops, t) => (t.deny | t.kill ? ops | (1 << t.op) : ops), 0),
    );
    this.buffer.set(nameFilter(policy), POLICY['names.shift']);
    for (const table of policy.classes) {
      for (const [event, mask] of table.events) {
        for (const nr of numbers(event)) this.#mask(POLICY.nr + nr * MASK, mask);
      }
    }
    policy.outputs.forEach((output, i) => {
      const at = POLICY.output + i * STRUCTS.rf_output.size;
      this.#masks(at + OUTPUT['lane[0].w'], output.lanes);
      this.#mask(at + OUTPUT['forbid.w'], output.forbid);
      this.#word(at + OUTPUT.irregular, output.irregular ? 1 : 0);
    });
  }

  classTable(table: ClassTable, process: number): void {
    const at = POLICY.cls + table.op * STRUCTS.rf_class.size;
    const { emit, deny, kill, monitor, closed } = table;
    this.#word(at + CLASS.active, 1);
    this.#word(at + CLASS.process, process);
    this.#word(
      at + CLASS.numbers,
      [...table.numbers.keys()].reduce((bits, dim) => bits | (1 << NUMBERS[dim]), 0),
    );
    this.#word(at + CLASS.labels, labelled(table));
    this.#first(POLICY.first + table.op * STRUCTS.rf_first.size, table, namedClauses(table));
    this.#mask(at + CLASS['emit.w'], emit);
    this.#mask(at + CLASS['deny.w'], deny);
    this.#mask(at + CLASS['kill.w'], kill);
    this.#mask(at + CLASS['monitor.w'], monitor);
    this.#mask(at + CLASS['care.w'], careOf(table));
    this.#mask(at + CLASS['closed.w'], closed);
    this.#masks(at + CLASS.bits, table.bits);
    for (const [dim, strings] of table.strings) {
      this.#matcher(at + CLASS.string + STRINGS[dim] * STRUCTS.rf_matcher.size, strings);
    }
    for (const [dim, numbers] of table.numbers) {
      this.#intervals(at + CLASS.number + NUMBERS[dim] * STRUCTS.rf_intervals.size, numbers);
    }
  }

  #first(at: number, { bits, deny, kill }: ClassTable, named: NamedClauses): void {
    const states = (clauses: Mask): bigint =>
      bits.reduce((sum, mask, i) => ((mask & clauses) === 0n ? sum : sum | (1n << BigInt(i))), 0n);
    this.buffer.writeBigUInt64LE(states(deny | kill), at + FIRST.refused);
    this.buffer.writeBigUInt64LE(states((deny | kill) & ~named.clauses), at + FIRST.unnamed);
    this.#word(at + FIRST.folders, named.folders ? 1 : 0);
    this.#word(at + FIRST.file_ends, named.fileEnds);
    this.#word(at + FIRST.folder_ends, named.folderEnds);
  }

  #matcher(at: number, strings: StringTable): void {
    this.#masks(at + MATCHER['base[0].w'], strings.base);
    this.#mask(at + MATCHER['care.w'], strings.care);
    this.#word(at + MATCHER.start, this.#rows(strings.automaton));
    this.buffer.set(strings.automaton.classes, at + MATCHER.cls);
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
    this.#word(at + INTERVALS.first, this.#nextBreak);
    this.#word(at + INTERVALS.count, numbers.breaks.length);
    this.#mask(at + INTERVALS['absent.w'], numbers.absent);
    this.#mask(at + INTERVALS['care.w'], numbersCare(numbers));
    numbers.breaks.forEach((value, i) => {
      const index = this.#nextBreak + i;
      this.#word(POLICY.brk + index * 4, value);
      this.#mask(POLICY.brk_mask + index * MASK, numbers.masks[i] as Mask);
    });
    this.#nextBreak += numbers.breaks.length;
  }

  #word(at: number, value: number): void {
    this.buffer.writeUInt32LE(value >>> 0, at);
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
