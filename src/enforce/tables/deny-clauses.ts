import type { Clause } from '../clauses/clauses.ts';
import { joinClauses, type OwnedClause } from '../clauses/merge.ts';
import { hasNumber } from '../clauses/sets.ts';
import { matches, type StringDim } from '../clauses/term.ts';
import type { ClauseOwner } from './tables.ts';

/** A refusing clause and whose it is. */
export interface DenyClause {
  readonly clause: Clause;
  readonly owner: ClauseOwner;
}

/** Up to so many each rule keeps clauses of its own, so that the kernel itself says which one refused. */
const APART = 128;

/** Joins refusing clauses where there are many: only what differs in a list, so that they refuse just what they did. */
export function joinDenials(clauses: readonly DenyClause[]): DenyClause[] {
  if (clauses.length <= APART) return [...clauses];
  const groups = new Map<string, OwnedClause[]>();
  clauses.forEach(({ clause, owner }, index) => {
    const key = `${owner.action} ${owner.mode} ${owner.failClosed}`;
    const group = groups.get(key) ?? [];
    groups.set(key, group);
    group.push({ clause, rules: new Set([index]) });
  });
  return [...groups.values()].flatMap((group) =>
    joinClauses(group).map(({ clause, rules }) => {
      const parts = [...rules].map((index) => clauses[index] as DenyClause);
      const { owner } = parts[0] as DenyClause;
      const own = parts.map((part) => ({ rule: part.owner.rules[0] ?? '', clause: part.clause }));
      return {
        clause,
        owner: { ...owner, rules: [...new Set(own.map((part) => part.rule))], parts: own },
      };
    }),
  );
}

/** What a record of a refusal tells of the operation. */
export interface RefusedRecord {
  readonly path0?: string | undefined;
  readonly path1?: string | undefined;
  readonly exe?: string | undefined;
  readonly uid?: number | undefined;
  readonly fdRaddr?: string | undefined;
  readonly fdRport?: number | undefined;
}

/** The rule that a joined clause refused by: the first whose own clause fits the record. */
export function ruleOf(owner: ClauseOwner, rec: RefusedRecord): string | undefined {
  return owner.parts?.find(({ clause }) => fits(clause, rec))?.rule ?? owner.rules[0];
}

function fits(clause: Clause, rec: RefusedRecord): boolean {
  const { fdRaddr } = rec;
  const texts: Partial<Record<StringDim, string | null>> = {};
  // The path of an exec is that of the new program.
  if (rec.path0 !== undefined) texts.path = rec.path0;
  if (rec.path1 !== undefined) texts.other = rec.path1;
  if (rec.exe !== undefined) texts.exe = rec.exe;
  else if (!clause.require.has('path') && rec.path0 !== undefined) texts.exe = rec.path0;
  if (fdRaddr !== undefined) texts.addr6 = fdRaddr.length === 16 ? fdRaddr : null;
  for (const [dim, lanes] of clause.require) {
    const text = texts[dim];
    if (text === undefined) continue;
    if (text === null || !lanes.every((patterns) => patterns.some((p) => matches(p, text)))) return false;
  }
  const address = fdRaddr?.length === 4 ? Buffer.from(fdRaddr, 'latin1').readUInt32BE() : undefined;
  const numbers = [
    ['daddr4', address, fdRaddr !== undefined],
    ['dport', rec.fdRport, fdRaddr !== undefined],
    ['uid', rec.uid, rec.uid !== undefined],
  ] as const;
  return numbers.every(([dim, value, known]) => {
    const set = clause.numbers.get(dim);
    return set === undefined || !known || hasNumber(set, value);
  });
}
