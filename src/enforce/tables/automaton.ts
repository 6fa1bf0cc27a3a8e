import type { Pattern } from '../clauses/term.ts';
import { minimise } from './minimise.ts';

/**
 * One automaton answers all string tests of a dimension in one pass over the string (Aho-Corasick, completed to a
 * deterministic table). A pattern anchored at the start begins with a virtual byte that only the start state consumes.
 *
 * Row of a state: [hit | end << 16, dir, next state for each byte class]. `hit` is applied when the state is entered,
 * `end` when the string ends there, `dir` when the state stands before the last slash. Each is an index of an output.
 */
export interface Automaton {
  readonly classes: Uint8Array;
  readonly classCount: number;
  /** hit, end, dir of each state. */
  readonly outputs: Uint16Array;
  /** State times classCount plus class: the next state. */
  readonly next: Uint32Array;
  readonly stateCount: number;
  readonly start: number;
}

export const ROW_HEADER = 2;

/** Words that the automaton takes in the kernel's table. */
export function tableWords(a: Automaton): number {
  return a.stateCount * (ROW_HEADER + a.classCount);
}

/** Joins two outputs into one; outputs are opaque numbers, 0 is none. */
export type JoinOutputs = (a: number, b: number) => number;

export interface Entry {
  readonly pattern: Pattern;
  readonly output: number;
}

const START = 256;

interface Node {
  readonly children: Map<number, number>;
  fail: number;
  hit: number;
  end: number;
  dir: number;
}

const node = (): Node => ({ children: new Map(), fail: 0, hit: 0, end: 0, dir: 0 });

/** Builds the automaton of the entries. Throws `RangeError` if it would have more than `maxStates` states. */
export function buildAutomaton(entries: readonly Entry[], join: JoinOutputs, maxStates: number): Automaton {
  const nodes = buildTrie(entries, join, maxStates);
  const order = linkFailures(nodes, join);
  return minimise(complete(nodes, order), order);
}

function buildTrie(entries: readonly Entry[], join: JoinOutputs, maxStates: number): Node[] {
  const nodes: Node[] = [node()];
  const step = (at: number, symbol: number): number => {
    const from = nodes[at] as Node;
    const known = from.children.get(symbol);
    if (known !== undefined) return known;
    if (nodes.length >= maxStates) throw new RangeError('the automaton is too large');
    nodes.push(node());
    from.children.set(symbol, nodes.length - 1);
    return nodes.length - 1;
  };
  const start = step(0, START);
  for (const { pattern, output } of entries) {
    let at = pattern.at === 'suffix' || pattern.at === 'contains' ? 0 : start;
    if (pattern.at === 'dir' && pattern.text === '') continue;
    // The root directory is the empty text before a slash that is the first byte.
    const text = pattern.at === 'dir' && pattern.text === '/' ? '' : pattern.text;
    for (let i = 0; i < text.length; i++) at = step(at, text.charCodeAt(i) & 0xff);
    const last = nodes[at] as Node;
    if (pattern.at === 'dir') last.dir = join(last.dir, output);
    else if (pattern.at === 'exact' || pattern.at === 'suffix') last.end = join(last.end, output);
    else last.hit = join(last.hit, output);
  }
  return nodes;
}

/** Breadth first: a state inherits the outputs of the longest proper suffix that is a state. */
function linkFailures(nodes: Node[], join: JoinOutputs): number[] {
  const order: number[] = [0];
  for (let i = 0; i < order.length; i++) {
    const id = order[i] as number;
    const from = nodes[id] as Node;
    for (const [symbol, childId] of from.children) {
      order.push(childId);
      const child = nodes[childId] as Node;
      if (id !== 0) {
        let fail = from.fail;
        while (fail !== 0 && !(nodes[fail] as Node).children.has(symbol)) fail = (nodes[fail] as Node).fail;
        const target = (nodes[fail] as Node).children.get(symbol);
        child.fail = target === undefined || target === childId ? 0 : target;
      }
      const link = nodes[child.fail] as Node;
      child.hit = join(child.hit, link.hit);
      child.end = join(child.end, link.end);
    }
  }
  return order;
}

function complete(nodes: readonly Node[], order: readonly number[]): Automaton {
  const classes = new Uint8Array(256);
  let classCount = 1;
  for (const { children } of nodes) {
    for (const symbol of children.keys()) {
      // With all 256 bytes in use, the last class also stands for the bytes that no pattern has: there are none.
      if (symbol !== START && classes[symbol] === 0 && classCount < 256) classes[symbol] = classCount++;
    }
  }
  const next = new Uint32Array(nodes.length * classCount);
  const outputs = new Uint16Array(nodes.length * 3);
  for (const id of order) {
    const n = nodes[id] as Node;
    outputs.set([n.hit, n.end, n.dir], id * 3);
    const row = id * classCount;
    if (id !== 0) next.copyWithin(row, n.fail * classCount, (n.fail + 1) * classCount);
    for (const [symbol, childId] of n.children)
      if (symbol !== START) next[row + (classes[symbol] as number)] = childId;
  }
  return {
    classes,
    classCount,
    outputs,
    next,
    stateCount: nodes.length,
    start: nodes[0]?.children.get(START) ?? 0,
  };
}

/** Runs the automaton as the kernel does; calls `apply` with each output that holds. */
export function scan(a: Automaton, text: string, apply: (output: number) => void): void {
  const emit = (state: number, which: 0 | 1 | 2): void => {
    const output = a.outputs[state * 3 + which] as number;
    if (output !== 0) apply(output);
  };
  let state = a.start;
  let beforeSlash = -1;
  emit(state, 0);
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i) & 0xff;
    if (byte === 0x2f) beforeSlash = state;
    state = a.next[state * a.classCount + (a.classes[byte] as number)] as number;
    emit(state, 0);
  }
  emit(state, 1);
  if (beforeSlash >= 0) emit(beforeSlash, 2);
}
