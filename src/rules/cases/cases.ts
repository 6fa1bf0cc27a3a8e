/** Files of rule tests: for each rule the events that must, and must not, raise it. */
import { isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import type { Diagnostic } from '../../engine/core/diagnostic.ts';
import type { Given } from './given.ts';

export interface RuleCases {
  readonly rule: string;
  readonly file: string;
  readonly line: number;
  readonly cases: readonly Case[];
}

export interface Case {
  readonly note: string;
  readonly line: number;
  /** Evaluated one after another; the rule fires if any of them raises it. */
  readonly given: readonly Given[];
  readonly expect: 'alert' | 'none';
}

export interface CaseFile {
  readonly rules: readonly RuleCases[];
  readonly diagnostics: readonly Diagnostic[];
}

/** Reads one file of rule tests. Never throws on what it contains. */
export function parseCases(file: string, text: string): CaseFile {
  return new CaseReader(file, text).read();
}

class CaseReader {
  private readonly diagnostics: Diagnostic[] = [];
  private readonly lines = new LineCounter();
  private readonly file: string;
  private readonly text: string;

  constructor(file: string, text: string) {
    this.file = file;
    this.text = text;
  }

  read(): CaseFile {
    const document = parseDocument(this.text, { lineCounter: this.lines, uniqueKeys: true });
    for (const error of document.errors) this.fault(error.message.split('\n')[0]!, error.pos[0]);
    const rules: RuleCases[] = [];
    if (document.errors.length === 0 && document.contents !== null) {
      if (!isSeq(document.contents)) this.fault('expected a list of {rule, cases}', 0);
      else for (const item of document.contents.items) rules.push(...this.readRule(item as Node));
    }
    return { rules, diagnostics: this.diagnostics };
  }

  private readRule(node: Node): RuleCases[] {
    if (!isMap(node)) return this.none('expected a mapping with rule and cases', node);
    this.checkKeys(node, ['rule', 'base', 'cases']);
    const rule = node.get('rule');
    const cases = node.get('cases', true);
    if (typeof rule !== 'string') return this.none('rule: expected the name of a rule', node);
    if (!isSeq(cases)) return this.none(`rule "${rule}": expected a list of cases`, node);
    const base = this.fields(node.get('base', true) as Node | undefined);
    return [
      {
        rule,
        file: this.file,
        line: this.line(offset(node)),
        cases: cases.items.flatMap((item) => this.readCase(item as Node, base)),
      },
    ];
  }

  private readCase(node: Node, base: Given): Case[] {
    if (!isMap(node)) return this.none('expected a mapping with note, given and expect', node);
    this.checkKeys(node, ['note', 'given', 'expect']);
    const expect = node.get('expect');
    if (expect !== 'alert' && expect !== 'none') {
      return this.none('expect: expected alert or none', node);
    }
    const given = node.get('given', true) as Node | undefined;
    const events = isSeq(given) ? given.items.map((item) => this.fields(item as Node)) : [this.fields(given)];
    return [
      {
        note: String(node.get('note') ?? ''),
        line: this.line(offset(node)),
        given: events.map((event) => ({ ...base, ...event })),
        expect,
      },
    ];
  }

  private fields(node: Node | undefined): Given {
    if (node === undefined || (isScalar(node) && node.value === null)) return {};
    if (isMap(node)) return node.toJSON() as Given;
    this.fault('expected fields and their values', offset(node));
    return {};
  }

  private checkKeys(map: YAMLMap, known: readonly string[]): void {
    for (const pair of map.items) {
      const key = isScalar(pair.key) ? String(pair.key.value) : '';
      if (!known.includes(key))
        this.fault(`unknown key "${key}"; known are ${known.join(', ')}`, offset(pair.key as Node));
    }
  }

  /** Nothing could be read here, and why. */
  private none(message: string, node: Node): [] {
    this.fault(message, offset(node));
    return [];
  }

  private line(at: number): number {
    return this.lines.linePos(at).line;
  }

  private fault(message: string, at: number): void {
    const { line, col } = this.lines.linePos(at);
    this.diagnostics.push({
      severity: 'error',
      code: 'E_RULE_TEST',
      message,
      file: this.file,
      line,
      column: col,
    });
  }
}

function offset(node: Node): number {
  return node.range?.[0] ?? 0;
}
